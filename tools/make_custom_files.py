#!/usr/bin/env python3
"""Writes tests/data/custom/: models with layers of their own and Lambdas, their inputs and what Keras makes of them;
and examples/custom_layer.keras. Needs Keras 3. The files are in the repository; this script is how they came about.
"""
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers, ops  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "custom"


@keras.saving.register_keras_serializable(package="demo")
class Mixed(layers.Layer):
    """gain * dense(x) ** power + offset, with a layer inside; masks go through, and take the offset away."""

    def __init__(self, units, power=1.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.power = units, power
        self.supports_masking = True
        self.mix = layers.Dense(units, use_bias=True)

    def build(self, shape):
        self.mix.build(shape)
        self.gain = self.add_weight(name="gain", shape=(self.units,), initializer="random_normal")
        self.offset = self.add_weight(name="offset", shape=(self.units,), initializer="random_normal", trainable=False)

    def call(self, x, scale=1.0, mask=None):
        y = self.gain * ops.power(ops.abs(self.mix(x)), self.power) * scale
        offset = self.offset if mask is None else ops.where(mask[..., None], self.offset, 0.0)
        return y + offset

    def compute_output_shape(self, shape, **kwargs):
        return (*shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "power": self.power}


@keras.saving.register_keras_serializable(package="demo")
class Parts(layers.Layer):
    """Two outputs: the first columns, and the sums of the rest."""

    def __init__(self, first, **kwargs):
        super().__init__(**kwargs)
        self.first = first

    def call(self, x):
        return x[..., :self.first], ops.sum(x[..., self.first:], axis=-1, keepdims=True)

    def get_config(self):
        return {**super().get_config(), "first": self.first}


@keras.saving.register_keras_serializable(package="demo")
class Swish(layers.Layer):
    """x * sigmoid(beta * x) with a trained beta."""

    def build(self, shape):
        self.beta = self.add_weight(name="beta", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * ops.sigmoid(self.beta * x)


def sequences():
    """Masks, a wrapper around an own layer, arguments of a call, several outputs, a Lambda."""
    x = keras.Input((5, 3))
    y = layers.Masking(0.0)(x)
    y = Mixed(4, power=2.0, name="first")(y, scale=0.5)
    y = layers.LSTM(4, return_sequences=True)(y)
    y = layers.TimeDistributed(Mixed(6, name="inside"), name="each")(y)
    a, b = Parts(2, name="parts")(y)
    a = layers.Lambda(lambda t: t / 2, name="halve")(a)
    return keras.Model(x, [a, b])


def nested():
    """An own layer among others in a nested model, whose weights a legacy file holds in one flat group."""
    inner_in = keras.Input((6,))
    y = layers.Dense(5, name="inner_dense")(inner_in)
    y = layers.BatchNormalization(name="inner_norm")(y)
    y = Mixed(4, name="inner_mixed")(y)
    y = layers.Dense(3, name="inner_last")(y)
    inner = keras.Model(inner_in, y, name="inner")
    x = keras.Input((6,))
    y = inner(x)
    y = Mixed(3, power=1.5, name="outer")(y)
    return keras.Model(x, layers.Dense(2, name="last")(y))


def randomise(model, rng):
    model.set_weights([rng.uniform(0.1, 0.9, w.shape).astype(w.dtype) - (0.3 if w.ndim > 1 else 0.0)
                       for w in model.get_weights()])


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    for name, model, shape in (("sequences", sequences(), (7, 5, 3)), ("nested", nested(), (7, 6))):
        randomise(model, rng)
        x = rng.normal(size=shape).astype(np.float32)
        if x.ndim == 3:
            x[1, 3:] = 0
            x[4, 1] = 0
        np.save(DATA / f"{name}_inputs.npy", x)
        outputs = model.predict(x, verbose=0)
        for i, y in enumerate(outputs if isinstance(outputs, list) else [outputs]):
            np.save(DATA / f"{name}_outputs_{i}.npy", y)
        for extension in ("keras", "h5"):
            model.save(DATA / f"{name}.{extension}")

    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), Swish(name="swish"),
                              layers.Lambda(lambda x: x * 2, name="double")])
    randomise(model, rng)
    model.save(ROOT / "examples" / "custom_layer.keras")
    print(model.predict(np.arange(8, dtype=np.float32).reshape(2, 4), verbose=0))


if __name__ == "__main__":
    main()
