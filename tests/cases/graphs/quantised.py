"""Layers as model.quantize leaves them: int8, int4 with and without blocks, float8."""
from caselist import Input, graph_case

CASES = []


def case(*inputs, **settings):
    """Appends what `graph_case` makes of a function. A value that lies between two steps may go either way, so the
    tolerance is wider."""
    settings = {"rtol": 2e-3, "keras2": False, **settings}
    return lambda function: CASES.append(graph_case("quantised", *inputs, **settings)(function))


def quantise(layer, mode, *inputs, config=None):
    """Builds the layer by a call, quantises it, and calls it as it is then."""
    layer(*inputs)
    layer.quantize(mode, config=config)
    return layer(*inputs)


@case((7,))
def dense_int8(k, x):
    x = quantise(k.layers.Dense(6, "relu"), "int8", x)
    weights_alone = k.quantizers.Int8QuantizationConfig(activation_quantizer=None)
    return quantise(k.layers.Dense(5, use_bias=False), "int8", x, config=weights_alone)


@case((3, 7), legacy=False)  # Keras keeps adapters in a .h5 file apart, and does not load them
def dense_int8_adapted(k, x):
    layer = k.layers.Dense(6)
    layer(x)
    layer.enable_lora(2)
    layer.quantize("int8")
    return layer(x)


@case((9,))
def dense_int4(k, x):
    x = quantise(k.layers.Dense(7, "tanh"), "int4", x, config=k.quantizers.Int4QuantizationConfig(block_size=-1))
    return quantise(k.layers.Dense(5), "int4", x, config=k.quantizers.Int4QuantizationConfig(block_size=3))


@case((9,))
def dense_int4_inputs(k, x):
    config = k.quantizers.Int4QuantizationConfig(
        activation_quantizer=k.quantizers.AbsMaxQuantizer(value_range=(-100, 100)), block_size=-1
    )
    return quantise(k.layers.Dense(6), "int4", x, config=config)


@case((9,), legacy=False)  # the order of weights in a .h5 file changes when Keras loads it
def dense_float8(k, x):
    return quantise(k.layers.Dense(6, "relu"), "float8", x)


@case((6,), rtol=3e-2)
def dense_int8_mixed_bfloat16(k, x):
    return k.layers.Dense(2, dtype="float32")(k.layers.Dense(5, dtype="int8_from_mixed_bfloat16")(x))


@case((4, 6))
def einsum_int8(k, x):
    x = quantise(k.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), "int8", x)
    return quantise(k.layers.EinsumDense("abde,dec->abc", (None, 5), bias_axes="c", activation="relu"), "int8", x)


@case((4, 6))
def einsum_int4(k, x):
    channel = k.quantizers.Int4QuantizationConfig(block_size=-1)
    blocks = k.quantizers.Int4QuantizationConfig(block_size=4)
    x = quantise(k.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), "int4", x, config=blocks)
    return quantise(k.layers.EinsumDense("abde,dec->abc", (None, 5), bias_axes="c"), "int4", x, config=channel)


@case((4, 6), legacy=False)
def einsum_float8(k, x):
    return quantise(k.layers.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d"), "float8", x)


@case(Input((5,), "int32", high=11))
def embedding_int8_int4(k, x):
    a = quantise(k.layers.Embedding(11, 6), "int8", x)
    b = quantise(k.layers.Embedding(11, 5), "int4", x, config=k.quantizers.Int4QuantizationConfig(block_size=-1))
    c = quantise(k.layers.Embedding(11, 7), "int4", x, config=k.quantizers.Int4QuantizationConfig(block_size=4))
    return k.layers.Concatenate()([a, b, c])


def reversible(k, x, mode, config, tied):
    layer = k.layers.ReversibleEmbedding(11, 6, tie_weights=tied, logit_soft_cap=None if tied else 30.0)
    layer(x)
    layer.quantize(mode, config=config)
    return layer(layer(x), reverse=True)


@case(Input((4,), "int32", high=11))
def reversible_embedding(k, x):
    blocks = k.quantizers.Int4QuantizationConfig(block_size=4)
    channel = k.quantizers.Int4QuantizationConfig(
        block_size=-1, activation_quantizer=k.quantizers.AbsMaxQuantizer(axis=-1)
    )
    every = [reversible(k, x, "int8", None, tied) for tied in (True, False)]
    every += [reversible(k, x, "int4", config, tied) for config in (blocks, channel) for tied in (True, False)]
    return k.layers.Concatenate()(every)
