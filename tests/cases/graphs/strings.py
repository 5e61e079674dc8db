"""Models whose results are strings."""
from caselist import Input, graph_case

CASES = []
ANIMALS = ["ant", "bee", "c\u00e4t", ""]


def case(*inputs, **settings):
    """Appends what `graph_case` makes of a function."""
    return lambda function: CASES.append(graph_case("strings", *inputs, keras2=False, **settings)(function))


@case(Input((3,), "int64", 0, 7))
def words_of_indices(k, x):
    return k.layers.StringLookup(vocabulary=ANIMALS[:3], invert=True)(x)


@case(Input((3,), "int64", 0, 7), legacy=False)
def words_of_indices_with_a_mask(k, x):
    layer = k.layers.StringLookup(vocabulary=ANIMALS[:3], invert=True, mask_token="-", oov_token="?", num_oov_indices=1)
    return k.layers.Reshape((3, 1))(x), layer(x)


@case((4,), legacy=False)
def label(k, x):
    best = k.ops.argmax(k.layers.Dense(3)(x), axis=-1)
    return k.layers.StringLookup(vocabulary=ANIMALS[:2], invert=True)(best)
