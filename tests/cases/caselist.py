"""The words in which tests/cases/layers/*.py and tests/cases/graphs/*.py list reference cases.

A list holds `Case` objects in its variable CASES; tools/make_reference_cases.py builds each with Keras, stores the model
file, inputs and Keras's outputs in data/<group>.zip, and tests/python/test_cases.py runs the command on them. Only the
standard library is imported here, and no case holds randomness of its own: weights and inputs come from a generator
seeded with the case's name.
"""
import dataclasses
import functools
import re

NORMALISATION = 5e-5  # relative tolerance of layers that divide by a deviation


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer as an argument of another one: Layer("LSTM", units=3)."""

    name: str
    arguments: dict

    def __init__(self, name, **arguments):
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "arguments", arguments)

    def build(self, keras):
        """Returns the layer of the given package (keras or tf_keras)."""
        return getattr(keras.layers, self.name)(**{k: built(v, keras) for k, v in self.arguments.items()})

    def __str__(self):
        return f"{self.name}({','.join(f'{k}={v}' for k, v in self.arguments.items())})"


def built(value, keras):
    """Replaces `Layer` arguments by layers."""
    return value.build(keras) if isinstance(value, Layer) else value


@dataclasses.dataclass(frozen=True)
class Input:
    """One input of a model: its shape without the rows (None: unknown until data comes), and what fills it: N(0, 1) in
    hundredths (stored in half the bytes), with `high` whole numbers from `low` up to, not including, `high`, or some of
    `words`."""

    shape: tuple
    dtype: str = "float32"
    low: int = 0
    high: int = 0
    name: str | None = None
    words: tuple = ()

    def symbolic(self, keras):
        """Returns the Keras input."""
        return keras.Input(self.shape, dtype=self.dtype, name=self.name)

    def values(self, rng, shape, rows):
        """Returns made-up rows of a concrete shape."""
        if self.words:
            return rng.choice(self.words, (rows, *shape))
        if self.high:
            return rng.integers(self.low, self.high, (rows, *shape)).astype(self.dtype)
        return (rng.standard_normal((rows, *shape)).round(2)).astype(self.dtype)


@dataclasses.dataclass(frozen=True)
class Case:
    """One model. `build(keras)` returns it, made with either package; `sets` are the concrete input shapes to predict,
    a list with one shape an input in each; `keras2`: whether tf_keras makes a file of it as well; `keras3`: whether Keras 3
    does; `batch`: Keras is
    given so many rows at a time, one batch after the other (stateful layers)."""

    group: str
    name: str
    build: object
    inputs: tuple
    sets: tuple
    rtol: float | None = None
    keras2: bool = True
    keras3: bool = True
    legacy: bool = True
    rows: int = 3
    batch: int | None = None


def _as_inputs(inputs):
    return tuple(i if isinstance(i, Input) else Input(tuple(i)) for i in inputs)


def _concrete(inputs, sets):
    """The shapes of `sets`, or the inputs' own ones where none are given."""
    sets = tuple(tuple(tuple(s) for s in one) for one in sets)
    if not sets:
        sets = (tuple(i.shape for i in inputs),)
    for shapes in sets:
        assert len(shapes) == len(inputs) and all(None not in s for s in shapes), (inputs, sets)
    return sets


def _label(arguments):
    """Arguments as a part of a case's name."""
    text = ",".join(f"{k}={v}" for k, v in arguments.items())
    return re.sub(r"[^\w.,=()+\[\]-]", "", text.replace("'", ""))


def _single_layer(layer, inputs, keras):
    tensors = [i.symbolic(keras) for i in inputs]
    tensors = tensors if len(tensors) > 1 else tensors[0]
    return keras.Model(tensors, layer.build(keras)(tensors))


def layer_cases(name, inputs, options, sets=(), **settings):
    """One case for each dictionary of constructor arguments in `options`: a model of one layer.

    `inputs` is a list of shapes (without the rows) or `Input`s, one for each input of the layer."""
    inputs = _as_inputs(inputs)
    shapes = "x".join(str(i.shape).replace(" ", "").replace("None", "any") for i in inputs)
    return [
        Case(
            name,
            f"{name}{shapes}{'-' if arguments else ''}{_label(arguments)}",
            functools.partial(_single_layer, Layer(name, **arguments), inputs),
            inputs,
            _concrete(inputs, sets),
            **settings,
        )
        for arguments in options
    ]


def graph_case(group, *inputs, sets=(), **settings):
    """Decorates a function `(keras, *input tensors) -> outputs` (or, with `model=True`, `(keras) -> model`) and makes
    it a case named after the function, or `name`. The function's place is a list: `CASES.append` is the caller's."""
    inputs = _as_inputs(inputs)
    whole, name = settings.pop("model", False), settings.pop("name", None)

    def decorate(function):
        def build(keras):
            if whole:
                return function(keras)
            tensors = [i.symbolic(keras) for i in inputs]
            return keras.Model(tensors if len(tensors) > 1 else tensors[0], function(keras, *tensors))

        return Case(group, name or function.__name__, build, inputs, _concrete(inputs, sets), **settings)

    return decorate
