"""Convolutions over one and two dimensions: plain, depthwise and separable.

In the channels_first cases no output is as wide as it has channels: there TensorFlow's backend of Keras 3.15 takes the
last axis for the bias's (`add` in keras/src/backend/tensorflow/numpy.py guesses), which no other backend does.
"""
from caselist import layer_cases

FIRST = {"data_format": "channels_first"}

CONV1D = (
    {},
    {"padding": "same"},
    {"padding": "causal"},
    {"strides": 2},
    {"strides": 3, "padding": "same"},
    {"strides": 2, "padding": "causal"},
    {"dilation_rate": 2},
    {"dilation_rate": 3, "padding": "same"},
    {"dilation_rate": 2, "padding": "causal"},
    {"groups": 2},
    {"groups": 2, "padding": "causal", "strides": 2},
    {"use_bias": False, "activation": "relu"},
    {"activation": "softmax", "padding": "same"},
)
CONV2D = (
    {},
    {"padding": "same"},
    {"strides": 2},
    {"strides": 2, "padding": "same"},
    {"strides": (1, 3), "padding": "same"},
    {"dilation_rate": 2},
    {"dilation_rate": (1, 2), "padding": "same"},
    {"groups": 2},
    {"groups": 4, "padding": "same", "strides": 2},
    {"use_bias": False, "activation": "relu"},
    {"activation": "tanh", "padding": "same"},
)

CASES = [
    *layer_cases("Conv1D", [(11, 4)], [{"filters": 6, "kernel_size": 3, **o} for o in CONV1D]),
    *layer_cases("Conv1D", [(11, 4)], [{"filters": 3, "kernel_size": 1}, {"filters": 17, "kernel_size": 11}]),
    *layer_cases("Conv1D", [(11, 4)], [{"filters": 4, "kernel_size": 2, "groups": 4, "padding": "same"}]),
    *layer_cases("Conv1D", [(4, 11)], [{"filters": 6, "kernel_size": 3, **FIRST, **o} for o in CONV1D[:2] + CONV1D[3:5]]),
    *layer_cases(
        "Conv1D",
        [(None, 4)],
        [{"filters": 5, "kernel_size": 3, **o} for o in CONV1D[1:3] + CONV1D[4:5]],
        sets=[[(5, 4)], [(13, 4)]],
    ),
    *layer_cases("Conv2D", [(7, 6, 4)], [{"filters": 8, "kernel_size": 3, **o} for o in CONV2D]),
    *layer_cases(
        "Conv2D",
        [(7, 6, 4)],
        [
            {"filters": 3, "kernel_size": 1},
            {"filters": 3, "kernel_size": 1, "strides": 2},
            {"filters": 5, "kernel_size": (1, 5), "padding": "same"},
            {"filters": 5, "kernel_size": (4, 2), "padding": "same"},
            {"filters": 18, "kernel_size": (7, 6)},
            {"filters": 4, "kernel_size": 5, "strides": 3, "padding": "same"},
            {"filters": 1, "kernel_size": 2},
        ],
    ),
    *layer_cases("Conv2D", [(5, 5, 1)], [{"filters": 1, "kernel_size": 3}, {"filters": 34, "kernel_size": 3}]),
    *layer_cases("Conv2D", [(2, 2, 3)], [{"filters": 4, "kernel_size": 5, "padding": "same"}]),
    *layer_cases("Conv2D", [(4, 7, 5)], [{"filters": 8, "kernel_size": 3, **FIRST, **o} for o in CONV2D[:5] + CONV2D[9:]]),
    *layer_cases(
        "Conv2D",
        [(None, None, 3)],
        [{"filters": 4, "kernel_size": 3, **o} for o in ({}, {"padding": "same", "strides": 2})],
        sets=[[(5, 6, 3)], [(9, 4, 3)]],
    ),
    *layer_cases(
        "DepthwiseConv1D",
        [(11, 4)],
        [
            {"kernel_size": 3, **o}
            for o in (
                {},
                {"padding": "same"},
                {"strides": 2},
                {"strides": 2, "padding": "same"},
                {"dilation_rate": 2},
                {"depth_multiplier": 2},
                {"depth_multiplier": 3, "padding": "same", "strides": 2, "activation": "relu"},
                {"use_bias": False},
            )
        ],
    ),
    *layer_cases("DepthwiseConv1D", [(4, 11)], [{"kernel_size": 3, **FIRST}]),
    *layer_cases(
        "DepthwiseConv2D",
        [(7, 6, 4)],
        [
            {"kernel_size": 3, **o}
            for o in (
                {},
                {"padding": "same"},
                {"strides": 2},
                {"strides": 2, "padding": "same"},
                {"dilation_rate": 2},
                {"dilation_rate": 2, "padding": "same"},
                {"depth_multiplier": 2},
                {"depth_multiplier": 3, "padding": "same", "strides": 2, "activation": "relu"},
                {"use_bias": False, "activation": "relu6"},
            )
        ],
    ),
    *layer_cases("DepthwiseConv2D", [(4, 5, 35)], [{"kernel_size": (3, 5), "padding": "same"}]),
    *layer_cases("DepthwiseConv2D", [(8, 7, 1)], [{"kernel_size": 3, "depth_multiplier": 4}]),
    *layer_cases(
        "DepthwiseConv2D",
        [(4, 7, 5)],
        [{"kernel_size": 3, **FIRST}, {"kernel_size": 3, "padding": "same", "depth_multiplier": 2, **FIRST}],
    ),
    *layer_cases(
        "DepthwiseConv2D",
        [(None, None, 4)],
        [{"kernel_size": 3, "padding": "same", "strides": 2}],
        sets=[[(5, 6, 4)], [(8, 3, 4)]],
    ),
    *layer_cases(
        "SeparableConv1D",
        [(11, 4)],
        [
            {"filters": 6, "kernel_size": 3, **o}
            for o in (
                {},
                {"padding": "same"},
                {"strides": 2},
                {"strides": 2, "padding": "same"},
                {"dilation_rate": 2},
                {"depth_multiplier": 2, "activation": "relu"},
                {"use_bias": False},
            )
        ],
    ),
    *layer_cases("SeparableConv1D", [(4, 11)], [{"filters": 6, "kernel_size": 3, **FIRST}]),
    *layer_cases(
        "SeparableConv2D",
        [(7, 6, 4)],
        [
            {"filters": 6, "kernel_size": 3, **o}
            for o in (
                {},
                {"padding": "same"},
                {"strides": 2},
                {"strides": 2, "padding": "same"},
                {"dilation_rate": 2, "padding": "same"},
                {"depth_multiplier": 2, "activation": "relu"},
                {"use_bias": False},
            )
        ],
    ),
    *layer_cases("SeparableConv2D", [(4, 7, 5)], [{"filters": 6, "kernel_size": 3, "padding": "same", **FIRST}]),
]
