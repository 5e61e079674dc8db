#!/usr/bin/env python3
"""Writes models with the Keras that is installed, of whatever version, and what that Keras predicts with them.

    [VINTAGE_KERAS=keras|tf.keras|tf_keras] make_vintage_files.py OUTPUT [NAME...]

Runs under Keras 1.0 to 3 (any backend) and Python 3.6 on. Each model that the version can build is saved in each form that
it knows, as OUTPUT/NAME.EXTENSION; OUTPUT/NAME.npz holds inputs ("x0" ...) and predictions ("y0" ...). Some of what
different versions wrote is stored in tests/data/vintage, where tests/python/test_vintage.py finds it.
"""
import argparse
import os
import zlib

import numpy as np

from vintage import keras1, keras2  # noqa: F401 (they list their models)
from vintage.base import MODELS, OWN, K, family, version


def rows_of(spec, rng, count=4):
    if isinstance(spec, tuple) and spec and spec[0] == "int":
        return rng.randint(0, spec[1], (count,) + spec[2]).astype("int64")
    if isinstance(spec, tuple) and spec and spec[0] == "words":
        return np.array([[spec[1][(i * 3 + j) % len(spec[1])] for j in range(spec[2][0])] for i in range(count)])
    return rng.normal(size=(count,) + tuple(spec)).astype("float32")


def randomise(m, rng):
    weights = []
    for w in m.get_weights():
        w = np.asarray(w)
        if w.dtype.kind != "f":
            weights.append(w)
        elif w.ndim > 1:
            weights.append((rng.normal(size=w.shape) / np.sqrt(w.shape[-2] if w.ndim > 1 else 1) * 0.7).astype(w.dtype))
        else:
            weights.append(rng.uniform(0.4, 1.3, w.shape).astype(w.dtype))
    m.set_weights(weights)


def predict(m, inputs):
    if any(x.dtype.kind == "U" for x in (inputs.values() if isinstance(inputs, dict) else inputs)):
        import tensorflow as tf
        inputs = ({k: tf.constant(v) for k, v in inputs.items()} if isinstance(inputs, dict)
                  else [tf.constant(x) for x in inputs])
    if isinstance(inputs, list) and len(inputs) == 1:
        inputs = inputs[0]
    outputs = m.predict(inputs, verbose=0, batch_size=4)
    if isinstance(outputs, dict):
        outputs = [outputs[k] for k in sorted(outputs)]
    return outputs if isinstance(outputs, (list, tuple)) else [outputs]


def save(m, base):
    """In every form that this version has; names of those that failed with why."""
    failures = []

    def attempt(what, function):
        try:
            function()
        except Exception as e:  # noqa: BLE001 (what a version cannot do is what is to be found out)
            failures.append("%s: %s" % (what, str(e).strip().split("\n")[0][:80]))

    def with_json():
        m.save_weights(base + ".weights_only.h5")
        with open(base + ".json", "w") as f:
            f.write(m.to_json())

    def by_path():
        m.save_weights(base + ".weights.h5")
        with open(base + ".path.json", "w") as f:
            f.write(m.to_json())
    attempt("h5", lambda: m.save(base + ".h5"))
    if family() < 3:
        attempt("json", with_json)
    if family() == 3 or version() >= (2, 12):
        attempt("weights.h5", by_path)
    if version() >= (2, 12):
        if version() == (2, 12):
            attempt("keras", lambda: m.save(base + ".keras", save_format="keras_v3"))
            attempt("tf keras", lambda: m.save(base + "_h5.keras"))
        else:
            attempt("keras", lambda: m.save(base + ".keras"))
    return failures


def write(name, make, base):
    """Makes one model, saves it and what it predicts; says what this version could not do."""
    rng = np.random.RandomState(zlib.crc32(name.encode()) & 0xffffffff)
    try:
        if hasattr(K, "backend") and hasattr(K.backend, "clear_session"):
            K.backend.clear_session()
        m, specs = make()
        randomise(m, rng)
        keys = sorted(specs) if isinstance(specs, dict) else range(len(specs))
        rows = [rows_of(specs[key], rng) for key in keys]
        inputs = dict(zip(keys, rows)) if isinstance(specs, dict) else rows
        if hasattr(m, "twin"):
            m.save_weights(base + ".weights_only.h5")
            m.twin.load_weights(base + ".weights_only.h5")
        outputs = predict(getattr(m, "twin", m), inputs)
        failures = save(m, base)
        if family() == 3 and os.path.exists(base + ".keras"):  # as read back: a file does not hold all that a model has
            outputs = predict(K.models.load_model(base + ".keras", compile=False, custom_objects=OWN), inputs)
    except Exception as e:  # noqa: BLE001 (what a version cannot do is what is to be found out)
        print("%s: not made: %s: %s" % (name, type(e).__name__, str(e).strip().split("\n")[0][:110]))
        return
    arrays = {"x%d" % i: x for i, x in enumerate(rows)}
    for i, y in enumerate(outputs):
        y = np.asarray(y)
        arrays["y%d" % i] = y.astype("float32") if y.dtype.kind == "f" else y
    np.savez(base + ".npz", **arrays)
    for failure in failures:
        print("%s: not saved as %s" % (name, failure))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if not os.path.isdir(args.output):
        os.makedirs(args.output)
    for name in args.names or sorted(MODELS):
        for families, make in MODELS[name]:
            if family() in families:
                write(name, make, os.path.join(args.output, name))
    print("done", K.__version__)


if __name__ == "__main__":
    main()
