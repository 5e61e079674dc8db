"""Layers that merge several tensors, with broadcasting."""
from caselist import layer_cases

ELEMENTWISE = ("Add", "Multiply", "Average", "Maximum", "Minimum")

CASES = [
    case
    for name in ELEMENTWISE
    for case in (
        *layer_cases(name, [(3, 4)] * 2, [{}]),
        *layer_cases(name, [(3, 4)] * 3, [{}]),
        *layer_cases(name, [(3, 4), (1, 4)], [{}]),
        *layer_cases(name, [(3, 4), (4,)], [{}]),
        *layer_cases(name, [(2, 1, 4), (3, 1), (2, 3, 4)], [{}]),
    )
]
CASES += [
    *layer_cases("Subtract", [(3, 4)] * 2, [{}]),
    *layer_cases("Subtract", [(3, 4), (1, 4)], [{}]),
    *layer_cases("Subtract", [(4,), (3, 4)], [{}]),
    *layer_cases("Add", [(None, 4), (1, 4)], [{}], sets=[[(2, 4), (1, 4)], [(5, 4), (1, 4)]]),
    *layer_cases("Concatenate", [(3, 4)] * 2, [{}, {"axis": 1}, {"axis": 2}, {"axis": -2}]),
    *layer_cases("Concatenate", [(3, 4), (3, 1), (3, 7)], [{}]),
    *layer_cases("Concatenate", [(2, 3, 4), (5, 3, 4)], [{"axis": 1}]),
    *layer_cases("Concatenate", [(5,), (1,), (2,)], [{}, {"axis": 1}]),
    *layer_cases("Concatenate", [(None, 3), (None, 2)], [{}], sets=[[(2, 3), (2, 2)], [(5, 3), (5, 2)]]),
    *layer_cases("Dot", [(6,), (6,)], [{"axes": 1}, {"axes": -1}, {"axes": 1, "normalize": True}]),
    *layer_cases("Dot", [(3, 4), (4, 5)], [{"axes": (2, 1)}]),
    *layer_cases("Dot", [(3, 4), (5, 4)], [{"axes": 2}, {"axes": (2, 2), "normalize": True}]),
    *layer_cases("Dot", [(3, 4), (3, 5)], [{"axes": 1}]),
    *layer_cases("Dot", [(3, 4), (4,)], [{"axes": (2, 1)}]),
]
