"""EinsumDense and the attention layers: equations, masks, causal and sliding windows, scores as a second output."""
from caselist import Input, graph_case, layer_cases

TOKENS = Input((6,), "int32", 0, 3)  # zeros are masked steps
CASES = [
    *layer_cases("EinsumDense", [(5,)], [{"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c"}]),
    *layer_cases(
        "EinsumDense",
        [(4, 5)],
        [
            {"equation": "abc,cd->abd", "output_shape": (None, 3), "bias_axes": "d", "activation": "relu"},
            {"equation": "abc,cde->abde", "output_shape": (4, 2, 3), "bias_axes": "de"},
            {"equation": "abc,cde->abde", "output_shape": (4, 2, 3), "bias_axes": "d"},
            {"equation": "abc,cde->aebd", "output_shape": (3, 4, 2)},
            {"equation": "abc,bcd->ad", "output_shape": 3, "bias_axes": "d"},
            {"equation": "abc,bcd->abd", "output_shape": (4, 3)},
            {"equation": "abc,bde->acde", "output_shape": (5, 2, 3), "bias_axes": "ce"},
            {"equation": "abc,bc->ab", "output_shape": 4},
            {"equation": "abc,bc->abc", "output_shape": (4, 5)},
            {"equation": "...b,bc->...c", "output_shape": (4, 3), "bias_axes": "c"},
            {"equation": "ab...,bc->ac...", "output_shape": 3, "bias_axes": "c"},
        ],
    ),
    *layer_cases("EinsumDense", [(None, 5)], [{"equation": "abc,cd->abd", "output_shape": (None, 3)}], sets=[[(2, 5)], [(7, 5)]]),
]


def case(group, name, *inputs, **settings):
    """Appends a case of one model; the decorated function calls the layer."""

    def decorate(function):
        function.__name__ = name
        CASES.append(graph_case(group, *inputs, **settings)(function))
        return function

    return decorate


def add_multi_head():
    """MultiHeadAttention and GroupQueryAttention, called in every way."""
    layers = [
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}),
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "value_dim": 4, "output_shape": (2, 5), "use_bias": False}),
        ("MultiHeadAttention", {"num_heads": 3, "key_dim": 2, "dropout": 0.2, "sliding_window": 2}),
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 2, "use_gate": True}),
        ("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}),
        ("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1, "dropout": 0.1, "use_gate": True}),
    ]
    for i, (name, arguments) in enumerate(layers):
        settings = {"keras2": False} if i else {}
        make = lambda k, name=name, arguments=arguments: getattr(k.layers, name)(**arguments)

        @case(name, f"{name}_{i}_self", (5, 8), **settings)
        def _(k, x, make=make):
            return make(k)(x, x)

        @case(name, f"{name}_{i}_cross_scores_causal", (5, 8), (7, 8), **settings)
        def _(k, x, y, make=make):
            return make(k)(x, y, return_attention_scores=True, use_causal_mask=True)

        @case(name, f"{name}_{i}_causal", (5, 8), **settings)
        def _(k, x, make=make):
            return make(k)(x, x, use_causal_mask=True)

        @case(name, f"{name}_{i}_masked", TOKENS, (4, 8), **settings)
        def _(k, tokens, y, make=make):
            x = k.layers.Embedding(3, 8, mask_zero=True)(tokens)
            return [make(k)(x, x), make(k)(y, x), make(k)(x, x, return_attention_scores=True)[1]]

        @case(name, f"{name}_{i}_keys_and_mask", (3, 8), (4, 8), (4, 5), Input((3, 4), "bool", 0, 2), keras2=False)
        def _(k, x, value, key, mask, make=make):
            return make(k)(x, value, key=key, attention_mask=mask)


def add_axes():
    """Attention over one or two of several axes."""
    for axes in ([1], [2], [1, 2], [-2]):

        @case("MultiHeadAttention", f"MultiHeadAttention_axes{axes}", (3, 4, 6), keras2=False)
        def _(k, x, axes=axes):
            return k.layers.MultiHeadAttention(num_heads=2, key_dim=3, attention_axes=axes)(x, x)


def add_attention():
    """Attention and AdditiveAttention on lists of two and three tensors."""
    layers = [
        ("Attention", {}),
        ("Attention", {"use_scale": True, "dropout": 0.3}),
        ("Attention", {"score_mode": "concat"}),
        ("Attention", {"score_mode": "concat", "use_scale": True}),
        ("AdditiveAttention", {}),
        ("AdditiveAttention", {"use_scale": False}),
    ]
    for i, (name, arguments) in enumerate(layers):
        make = lambda k, name=name, arguments=arguments: getattr(k.layers, name)(**arguments)

        @case(name, f"{name}_{i}", (3, 4), (5, 4), (5, 4), legacy=False)  # Keras cannot load its own .h5 of these
        def _(k, q, v, key, make=make):
            first, scores = make(k)([q, v], return_attention_scores=True)
            return [first, scores, make(k)([q, v, key]), make(k)([q, v], use_causal_mask=True)]

        @case(name, f"{name}_{i}_masked", TOKENS, (4, 5), legacy=False, keras2=False)
        def _(k, tokens, y, make=make):
            x = k.layers.Embedding(3, 5, mask_zero=True)(tokens)
            masked = make(k)([x, x], use_causal_mask=True)
            return [make(k)([y, x]), make(k)([x, y]), k.layers.GlobalAveragePooling1D()(masked)]


add_multi_head()
add_axes()
add_attention()
