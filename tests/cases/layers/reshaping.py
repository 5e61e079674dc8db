"""Layers that move, repeat, cut or pad values."""
from caselist import Input, layer_cases

FIRST = {"data_format": "channels_first"}

CASES = [
    *layer_cases("Flatten", [(3, 4)], [{}]),
    *layer_cases("Flatten", [()], [{}]),
    *layer_cases("Flatten", [(2, 3, 4)], [{}, FIRST]),
    *layer_cases("Flatten", [(None, 4)], [{}], sets=[[(2, 4)], [(5, 4)]]),
    *layer_cases(
        "Reshape",
        [(3, 4)],
        [{"target_shape": s} for s in ((12,), (4, 3), (-1,), (2, -1), (2, 3, 2, 1), (-1, 6))],
    ),
    *layer_cases("Reshape", [(None, 4)], [{"target_shape": (-1, 2)}, {"target_shape": (-1,)}], sets=[[(3, 4)], [(6, 4)]]),
    *layer_cases("Permute", [(2, 3, 4)], [{"dims": d} for d in ((2, 1, 3), (3, 1, 2), (3, 2, 1), (1, 2, 3), (1, 3, 2), (2, 3, 1))]),
    *layer_cases("Permute", [(3, 70)], [{"dims": (2, 1)}]),
    *layer_cases("RepeatVector", [(5,)], [{"n": 3}, {"n": 1}]),
    *layer_cases("ZeroPadding1D", [(4, 3)], [{}, {"padding": 2}, {"padding": (0, 3)}]),
    *layer_cases("ZeroPadding1D", [(4, 3)], [{"padding": (1, 2), **FIRST}], keras2=False),
    *layer_cases(
        "ZeroPadding2D",
        [(4, 3, 2)],
        [{}, {"padding": 2}, {"padding": (0, 3)}, {"padding": ((1, 0), (2, 3))}, {"padding": ((1, 0), (2, 3)), **FIRST}],
    ),
    *layer_cases("ZeroPadding2D", [(None, None, 2)], [{"padding": ((1, 0), (2, 3))}], sets=[[(1, 2, 2)], [(4, 3, 2)]]),
    *layer_cases("Cropping1D", [(6, 3)], [{}, {"cropping": 2}, {"cropping": (0, 3)}, {"cropping": (2, 0)}]),
    *layer_cases("Cropping1D", [(None, 3)], [{"cropping": (1, 2)}], sets=[[(4, 3)], [(9, 3)]]),
    *layer_cases(
        "Cropping2D",
        [(6, 7, 3)],
        [{"cropping": 1}, {"cropping": (0, 3)}, {"cropping": ((1, 0), (2, 3))}, {"cropping": ((0, 2), (0, 0))}],
    ),
    *layer_cases("Cropping2D", [(3, 6, 7)], [{"cropping": ((1, 0), (2, 3)), **FIRST}]),
    *layer_cases("UpSampling1D", [(4, 3)], [{}, {"size": 3}, {"size": 1}]),
    *layer_cases("UpSampling1D", [(None, 3)], [{"size": 2}], sets=[[(1, 3)], [(5, 3)]]),
    *layer_cases(
        "UpSampling2D",
        [(4, 5, 3)],
        [
            {},
            {"size": 3},
            {"size": (1, 2)},
            {"interpolation": "bilinear"},
            {"size": (3, 2), "interpolation": "bilinear"},
            {"size": (1, 4), "interpolation": "bilinear"},
        ],
    ),
    *layer_cases(
        "UpSampling2D",
        [(4, 5, 3)],
        [{"size": (2, 3), "interpolation": i} for i in ("bicubic", "lanczos3", "lanczos5")],
    ),
    *layer_cases("UpSampling2D", [(3, 4, 5)], [{**FIRST}, {"interpolation": "bilinear", "size": (2, 3), **FIRST}], keras2=False),
    *layer_cases(
        "UpSampling2D",
        [Input((4, 5, 3), dtype="float64")],
        [{"interpolation": i, "dtype": "float64"} for i in ("bilinear", "bicubic")],
        keras2=False,
        rtol=1e-7,  # TensorFlow computes them in float32
    ),
    *layer_cases("UpSampling2D", [(None, None, 3)], [{}, {"interpolation": "bilinear"}], sets=[[(2, 3, 3)], [(5, 4, 3)]]),
]
