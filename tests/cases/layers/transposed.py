"""Transposed convolutions, adaptive pooling, and layers of normalisation that came with Keras 3."""
from caselist import NORMALISATION, Input, Layer, graph_case, layer_cases

KERNELS = (
    {},
    {"padding": "same"},
    {"strides": 2},
    {"strides": 2, "padding": "same"},
    {"strides": 3, "padding": "same", "use_bias": False, "activation": "relu"},
    {"strides": 3, "output_padding": 1},
    {"strides": 2, "padding": "same", "output_padding": 0},
    {"strides": 2, "padding": "same", "output_padding": 1},
    {"dilation_rate": 2},
    {"dilation_rate": 2, "padding": "same"},
    {"strides": 4},
)
FIRST = {"data_format": "channels_first"}


def transposed(name, shape, kernel, options, **settings):
    """Cases of one class."""
    return layer_cases(name, [shape], [{"filters": 4, "kernel_size": kernel, **o} for o in options], legacy=False, **settings)


CASES = [
    *transposed("Conv1DTranspose", (5, 3), 3, KERNELS, keras2=False),
    *transposed("Conv1DTranspose", (5, 3), 2, [{"padding": "same"}, {"strides": 2, "padding": "same"}], keras2=False),
    *transposed("Conv2DTranspose", (4, 5, 3), (3, 2), [o for o in KERNELS if o.get("output_padding") != 0], keras2=False),
    *transposed("Conv2DTranspose", (3, 4, 5), 3, [{"strides": 2, "padding": "same", **FIRST}], keras2=False),
    *transposed("Conv2DTranspose", (None, None, 2), 3, [{"strides": 2}], sets=[[(3, 4, 2)], [(1, 2, 2)]]),
    *transposed("Conv3DTranspose", (2, 3, 2, 2), 2, [{}, {"strides": 2, "padding": "same"}, {"strides": (2, 1, 2)}], keras2=False),
    *layer_cases("AdaptiveAveragePooling1D", [(7, 3)], [{"output_size": n} for n in (1, 2, 3, 7, 9)], legacy=False, keras2=False),
    *layer_cases("AdaptiveMaxPooling1D", [(8, 3)], [{"output_size": n} for n in (1, 3, 4)], legacy=False, keras2=False),
    *layer_cases("AdaptiveAveragePooling2D", [(7, 6, 3)], [{"output_size": n} for n in (2, (3, 4))], legacy=False, keras2=False),
    *layer_cases("AdaptiveMaxPooling2D", [(3, 7, 6)], [{"output_size": (2, 5), **FIRST}], legacy=False, keras2=False),
    *layer_cases("AdaptiveAveragePooling3D", [(4, 5, 3, 2)], [{"output_size": (2, 3, 2)}], legacy=False, keras2=False),
    *layer_cases("AdaptiveMaxPooling3D", [(4, 5, 3, 2)], [{"output_size": (2, 3, 2)}], legacy=False, keras2=False),
    *layer_cases("RMSNormalization", [(5, 6)], [{}, {"epsilon": 0.1}, {"axis": [1, 2]}], keras2=False, rtol=NORMALISATION),
    *layer_cases("RMSNormalization", [(5, 5)], [{"axis": 1}], keras2=False, rtol=NORMALISATION),
    *layer_cases("UnitNormalization", [(5, 6)], [{}, {"axis": 1}, {"axis": [1, 2]}], keras2=False, rtol=NORMALISATION),
    *layer_cases("SpectralNormalization", [(6,)], [{"layer": Layer("Dense", units=3)}], keras2=False),
    *layer_cases("SpectralNormalization", [(4, 6)], [{"layer": Layer("Conv1D", filters=3, kernel_size=2)}], keras2=False),
]


@CASES.append
@graph_case("ReversibleEmbedding", Input((4,), "int32", 0, 7), keras2=False)
def reversible_tied(k, tokens):
    layer = k.layers.ReversibleEmbedding(7, 5, mask_zero=True, logit_soft_cap=0.5)
    return layer(k.layers.Dense(5)(layer(tokens)), reverse=True)


@CASES.append
@graph_case("ReversibleEmbedding", Input((4,), "int32", 0, 7), keras2=False)
def reversible_untied(k, tokens):
    layer = k.layers.ReversibleEmbedding(7, 5, tie_weights=False)
    return layer(layer(tokens), reverse=True)


def lora(k, x):
    layer = k.layers.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d")
    y = layer(x)
    layer.enable_lora(2, lora_alpha=3)
    return y


CASES.append(graph_case("EinsumDenseLora", (4, 5), keras2=False)(lora))
