"""Graphs whose structure is the point: nesting, sharing, several inputs and outputs, order of weights, names."""
from caselist import Input, graph_case

CASES = []


def case(*inputs, **settings):
    """Appends what `graph_case` makes of a function."""
    return lambda function: CASES.append(graph_case("structure", *inputs, **settings)(function))


@case((6,), model=True)
def sequential(k):
    return k.Sequential([k.Input((6,)), k.layers.Dense(5, "relu"), k.layers.Dropout(0.5), k.layers.Dense(3, "softmax")])


@case((6,), model=True)
def sequential_in_sequential(k):
    inner = k.Sequential([k.Input((5,)), k.layers.Dense(4, "tanh"), k.layers.Dense(7)], name="inner")
    return k.Sequential([k.Input((6,)), k.layers.Dense(5, "relu"), inner, k.layers.Dense(3)])


@case((6,), model=True)
def sequential_begins_with_model(k):
    inner = k.Sequential([k.Input((6,)), k.layers.Dense(4, "tanh")], name="inner")
    return k.Sequential([inner, k.layers.Dense(3)])


@case((6,))
def nested_functional(k, x):
    a = k.Input((6,))
    inner = k.Model(a, k.layers.Dense(4)(k.layers.Dense(5, "relu")(a)), name="inner")
    return k.layers.Dense(2)(inner(x))


@case((6,), (6,))
def nested_model_shared(k, x, y):
    a = k.Input((6,))
    inner = k.Model(a, k.layers.Dense(4)(k.layers.Dense(5, "relu")(a)), name="inner")
    return k.layers.Subtract()([inner(x), inner(y)])


@case((6,), (4,))
def nested_two_inputs_two_outputs(k, x, y):
    a, b = k.Input((4,)), k.Input((6,))
    total = k.layers.Concatenate()([a, b])
    inner = k.Model([a, b], [k.layers.Dense(3)(total), k.layers.Dense(2, "tanh")(total)], name="inner")
    first, second = inner([y, x])
    return [second, k.layers.Dense(5)(first)]


@case((6,))
def nested_thrice(k, x):
    def wrap(model, units, name):
        a = k.Input(model.output_shape[1:])
        return k.Sequential([model, k.Model(a, k.layers.Dense(units, "relu")(a))], name=name)

    a = k.Input((6,))
    return wrap(wrap(k.Model(a, k.layers.Dense(5, "tanh")(a)), 4, "middle"), 3, "outer")(x)


@case((6,), (6,), (6,))
def shared_layer(k, x, y, z):
    dense = k.layers.Dense(4, "relu")
    return k.layers.Concatenate()([dense(x), k.layers.Add()([dense(z), dense(y)])])


@case((6,))
def shared_layer_in_a_row(k, x):
    dense = k.layers.Dense(6, "tanh")
    return dense(dense(dense(x)))


@case((5, 3), (7, 3))
def shared_recurrent_layer(k, x, y):
    lstm = k.layers.LSTM(4)
    return k.layers.Dot(axes=1)([lstm(x), lstm(y)])


@case((6,), (4,))
def several_inputs_and_outputs(k, x, y):
    a = k.layers.Dense(5, "relu", name="a")(x)
    b = k.layers.Dense(5, "relu", name="b")(y)
    both = k.layers.Concatenate(name="both")([a, b])
    return [k.layers.Dense(3, name="left")(both), k.layers.Dense(1, "sigmoid", name="right")(both), b]


@case((6,))
def output_is_an_inner_tensor(k, x):
    a = k.layers.Dense(5, "relu")(x)
    b = k.layers.Dense(4)(a)
    return [a, b]


@case((6,))
def output_twice(k, x):
    a = k.layers.Dense(5, "relu")(x)
    return [a, a]


@case((6,), (3,))
def input_straight_to_output(k, x, y):
    return [y, k.layers.Dense(2)(x)]


@case((3, 2))
def input_layer_alone(k, x):
    return x


@case(Input((6,), name="zulu"), Input((3,), name="alpha"))
def named_inputs(k, x, y):
    return k.layers.Concatenate()([k.layers.Dense(2)(x), y])


@case((6,))
def frozen_layer_in_nested_model(k, x):
    a = k.Input((6,))
    frozen = k.layers.Dense(6, "relu", name="frozen")
    inner = k.Model(a, k.layers.Dense(6)(k.layers.Dense(6, "tanh")(frozen(a))), name="inner")
    frozen.trainable = False
    return k.layers.Dense(2)(inner(x))


@case((6,))
def frozen_batch_normalization_in_nested_model(k, x):
    a = k.Input((6,))
    frozen = k.layers.BatchNormalization(name="frozen")
    b = k.layers.BatchNormalization(name="free")(k.layers.Dense(6)(frozen(a)))
    inner = k.Model(a, k.layers.Dense(6)(b), name="inner")
    frozen.trainable = False
    return k.layers.Dense(2)(inner(x))


@case((6,))
def frozen_nested_model(k, x):
    a = k.Input((6,))
    inner = k.Model(a, k.layers.Dense(6)(k.layers.BatchNormalization()(k.layers.Dense(6)(a))), name="inner")
    inner.trainable = False
    return k.layers.Dense(2)(inner(x))


@case((6,))
def frozen_bidirectional(k, x):
    frozen = k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True), name="frozen")
    y = k.layers.Bidirectional(k.layers.GRU(3), name="free")(frozen(k.layers.Reshape((3, 2))(x)))
    frozen.trainable = False
    return y


@case((6,))
def two_of_a_class_between_others(k, x):
    x = k.layers.Dense(6)(x)
    x = k.layers.BatchNormalization()(x)
    x = k.layers.Dense(6)(x)
    x = k.layers.BatchNormalization()(x)
    return k.layers.PReLU()(k.layers.Dense(6)(k.layers.PReLU()(x)))


@case((6,))
def names_outside_ascii(k, x):
    x = k.layers.Dense(5, "relu", name="größe")(x)
    x = k.layers.BatchNormalization(name="一層")(x)
    return k.layers.Dense(2, name="the last one")(x)


@case((6,))
def branch_that_leads_nowhere(k, x):
    k.layers.Dense(9, name="unused")(x)
    return k.layers.Dense(2)(x)


@case((6,))
def layers_not_in_the_order_of_calls(k, x):
    last, first = k.layers.Dense(4, name="a_last"), k.layers.Dense(4, name="z_first")
    return last(first(k.layers.Dense(4, name="m_middle")(x)))


@case((6,))
def many_uses_of_one_tensor(k, x):
    a = k.layers.Dense(4, "relu")(x)
    b = k.layers.Add()([a, a])
    c = k.layers.Multiply()([a, b, a])
    return k.layers.Concatenate()([c, a, b, k.layers.ReLU(max_value=0.5)(a)])
