"""Batch, layer and group normalization. Statistics are random as well: a reader that mixes them up is found."""
from caselist import NORMALISATION, layer_cases

BATCH = ({}, {"epsilon": 0.1}, {"center": False}, {"scale": False}, {"center": False, "scale": False})
LAYER = (*BATCH, {"axis": 1}, {"axis": [1, 2]}, {"axis": -2})

CASES = [
    *layer_cases("BatchNormalization", [(7,)], BATCH, rtol=NORMALISATION),
    *layer_cases("BatchNormalization", [(4, 7)], [{}, {"axis": 1}], rtol=NORMALISATION),
    *layer_cases("BatchNormalization", [(4, 5, 3)], [{}, {"axis": 1}, {"axis": 2}, {"axis": -1}], rtol=NORMALISATION),
    *layer_cases("BatchNormalization", [(None, None, 3)], [{}], sets=[[(2, 3, 3)], [(5, 4, 3)]], rtol=NORMALISATION),
    *layer_cases("LayerNormalization", [(5, 18)], LAYER, rtol=NORMALISATION),
    # Keras cannot load its own .h5 file of these.
    *layer_cases(
        "LayerNormalization",
        [(3, 4, 6)],
        [{"axis": (1, 3)}, {"axis": (1, 2, 3)}],
        rtol=NORMALISATION,
        legacy=False,
    ),
    *layer_cases("LayerNormalization", [(3, 4, 6)], [{"axis": (3, 2)}], rtol=NORMALISATION, keras2=False, legacy=False),
    *layer_cases("LayerNormalization", [(1,)], [{}], rtol=NORMALISATION),
    *layer_cases("LayerNormalization", [(None, 6)], [{}], sets=[[(2, 6)], [(5, 6)]], rtol=NORMALISATION),
    *layer_cases("LayerNormalization", [(5, 18)], [{"rms_scaling": True}], rtol=NORMALISATION, keras2=False, legacy=False),
    *layer_cases(
        "GroupNormalization",
        [(4, 6)],
        [{"groups": 2}, {"groups": -1}, {"groups": 1, "epsilon": 0.1}, {"groups": 3, "center": False, "scale": False}],
        rtol=NORMALISATION,
    ),
    *layer_cases("GroupNormalization", [(4, 3, 6)], [{"groups": 2, "axis": 1}, {"groups": 3, "axis": -2}], rtol=NORMALISATION),
    *layer_cases("GroupNormalization", [(6,)], [{"groups": 3, "scale": False}], rtol=NORMALISATION),
    *layer_cases("GroupNormalization", [(None, 6)], [{"groups": 3}], sets=[[(2, 6)], [(5, 6)]], rtol=NORMALISATION),
]
