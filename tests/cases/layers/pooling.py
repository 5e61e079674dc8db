"""Pooling over windows and over everything, in one and two dimensions."""
from caselist import layer_cases

FIRST = {"data_format": "channels_first"}
WINDOWS = (
    {"pool_size": 2},
    {"pool_size": 3},
    {"pool_size": 3, "strides": 1},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 2, "strides": 3, "padding": "same"},
    {"pool_size": 4, "strides": 1, "padding": "same"},
    {"pool_size": 1, "strides": 2},
)
PLANES = (*WINDOWS, {"pool_size": (2, 3), "strides": (1, 2)}, {"pool_size": (3, 1), "padding": "same"})

CASES = [
    case
    for kind in ("MaxPooling", "AveragePooling")
    for case in (
        *layer_cases(kind + "1D", [(9, 5)], WINDOWS),
        *layer_cases(kind + "1D", [(5, 9)], [{**FIRST, **o} for o in (WINDOWS[0], WINDOWS[3])]),
        *layer_cases(kind + "1D", [(None, 3)], WINDOWS[3:4], sets=[[(4, 3)], [(11, 3)]]),
        *layer_cases(kind + "2D", [(9, 7, 5)], PLANES),
        *layer_cases(kind + "2D", [(5, 4, 33)], WINDOWS[3:4]),
        *layer_cases(kind + "2D", [(5, 9, 7)], [{**FIRST, **o} for o in (PLANES[0], PLANES[3], PLANES[7])]),
        *layer_cases(kind + "2D", [(None, None, 3)], PLANES[3:4], sets=[[(4, 5, 3)], [(7, 8, 3)]]),
    )
]
CASES += [
    case
    for kind in ("GlobalMaxPooling", "GlobalAveragePooling")
    for case in (
        *layer_cases(kind + "1D", [(9, 5)], [{}, {"keepdims": True}, FIRST, {"keepdims": True, **FIRST}]),
        *layer_cases(kind + "2D", [(6, 7, 5)], [{}, {"keepdims": True}, FIRST, {"keepdims": True, **FIRST}]),
        *layer_cases(kind + "2D", [(3, 3, 70)], [{}]),
        *layer_cases(kind + "1D", [(None, 5)], [{}], sets=[[(1, 5)], [(17, 5)]]),
        *layer_cases(kind + "2D", [(None, None, 5)], [{}], sets=[[(1, 2, 5)], [(6, 5, 5)]]),
    )
]
