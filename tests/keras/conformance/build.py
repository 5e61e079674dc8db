"""Models out of what capture.py noted, and out of what extra.py lists.

A case is a Functional model of one layer (or operation) with inputs for its tensors, in variants:

    plain      as noted, axis 0 free where it can be
    unknown    axes between the rows and the last one unknown
    masked     Masking in front of inputs of three axes
    embedded   Embedding(mask_zero=True) in front of the first input of three axes
    float16, bfloat16, float64, mixed_float16, mixed_bfloat16    that dtype policy (layers)
    int32, float64                                               that dtype of all float inputs (operations)

Weights and values are random numbers seeded with the case's name, and a text for others.
"""
import json
import re
import zlib

import keras
import numpy as np
from capture import Tensor
from keras.src.layers.preprocessing.data_layer import DataLayer

LAYER_VARIANTS = ("plain", "unknown", "masked", "embedded", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
OPERATION_VARIANTS = ("plain", "unknown", "int32", "float64")
BATCH = 32  # of Model.predict
POLICIES = ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")


class NoCase(Exception):
    """Keras makes no model of it, or its variant says nothing new."""


def leaves(value):
    """All Tensors of described arguments, in Keras's order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for k in sorted(value) for t in leaves(value[k])]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in leaves(v)]
    return []


def replaced(value, tensors):
    """Described arguments with their Tensors replaced by the next of an iterator."""
    if isinstance(value, Tensor):
        return next(tensors)
    if isinstance(value, dict):
        made = {k: replaced(value[k], tensors) for k in sorted(value)}
        return {k: made[k] for k in value}
    if isinstance(value, list):
        return [replaced(v, tensors) for v in value]
    if isinstance(value, tuple):
        return tuple(replaced(v, tensors) for v in value)
    return value


def revived(record, variant):
    """The layer or operation of a record, under the variant's policy."""
    config = keras.saving.deserialize_keras_object(json.loads(record["config"])) if record["kind"] == "operation" else None
    module = __import__(record["module"], fromlist=["x"])
    cls = getattr(module, record["class"])
    if config is not None:
        return cls.from_config(config)
    config = json.loads(record["config"])
    if isinstance(config, dict) and config.get("class_name") == "__dict__":
        config = config["config"]
    if variant in POLICIES:
        if "dtype" not in config:
            raise NoCase("it has no dtype")
        config = with_policy(config, variant)
    return keras.saving.deserialize_keras_object(
        {"module": record["module"], "class_name": record["class"], "config": config, "registered_name": None})


def with_policy(value, policy):
    """A config with every dtype in it replaced."""
    if isinstance(value, dict):
        return {k: policy if k == "dtype" and (isinstance(v, dict) or str(v).startswith("float")) else with_policy(v, policy)
                for k, v in value.items()}
    if isinstance(value, list):
        return [with_policy(v, policy) for v in value]
    return value


def input_shapes(tensors, variant, size):
    """The shape without rows of each input, None for what the variant leaves unknown; and concrete ones, longer there. `size`:
    of axes that were unknown in the call."""
    shapes, concrete = [], []
    for t in tensors:
        dims = [d if d is not None else size for d in t.shape[1:]]
        unknown = [variant == "unknown" and 0 < len(dims) and i < len(dims) - 1 for i in range(len(dims))]
        shapes.append(tuple(None if u else d for u, d in zip(unknown, dims)))
        concrete.append(tuple(d + 2 if u else d for u, d in zip(unknown, dims)))
    return shapes, concrete


def rows_meet_others(subscripts):
    """Whether a letter of an equation is the first axis of one operand, and another axis of another."""
    operands = subscripts.split("->")[0].split(",")
    return any(o and o[0] in other[1:] for o in operands for other in operands)


def dtype_of(tensor, record, variant):
    """The dtype of an input."""
    if record["kind"] == "operation" and variant in ("int32", "float64") and tensor.dtype == "float32":
        return variant
    return tensor.dtype


def rounded(values, narrow):
    """An array's numbers as the dtype `narrow` has them; what holds no numbers as it is."""
    kind = str(values.dtype)
    if not kind.startswith(("float", "bfloat", "int")):
        return values
    return keras.ops.convert_to_numpy(keras.ops.cast(keras.ops.cast(values, narrow), "float64")).astype(
        kind if kind.startswith("int") else "float64")


def convert(values, dtypes):
    """Arrays as TensorFlow's tensors."""
    import tensorflow as tf

    return [tf.cast(tf.constant(v), d) if d.startswith("float8") else tf.constant(v, dtype=d) for v, d in zip(values, dtypes)]


def as_numpy(tensor):
    """A tensor's numbers in a dtype that .npy files have."""
    y = tensor.numpy()
    return y.astype("float32") if str(y.dtype).startswith(("bfloat16", "float8")) else y


class Case:
    """One model, with what its inputs are."""

    def __init__(self, name, record, variant, seed=""):
        self.name, self.record, self.variant = name, record, variant
        self.rng = np.random.default_rng(zlib.crc32((seed + name).encode()))
        self.tensors = leaves([record["args"], record["kwargs"]])
        if not self.tensors:
            raise NoCase("it takes no tensor")
        if record["kwargs"].get("training"):
            raise NoCase("it is called as in training")
        subscripts = json.loads(record["config"]).get("subscripts") if record["class"] == "Einsum" else None
        if subscripts and rows_meet_others(subscripts):
            raise NoCase("a letter for the rows that is another axis elsewhere")
        self.scalars = all(len(t.shape) == 0 for t in self.tensors)  # they stand for one number a row
        if variant in ("int32", "float64") and record["kind"] == "operation" and all(t.dtype != "float32" for t in self.tensors):
            raise NoCase("no float inputs")
        self.fixed = False
        last = None
        for fixed in (False, True):
            try:
                self.fixed = fixed
                self.make()
                return
            except NoCase:
                raise
            except Exception as error:  # Keras has its reasons
                last = error
            if variant != "plain":
                break
        raise NoCase(f"{type(last).__name__}: {str(last).splitlines()[0] if str(last) else ''}"[:150])

    def make(self):
        frame = json.loads(self.record["config"]).get("frame_length") or 1
        shapes, self.concrete = input_shapes(self.tensors, self.variant, 3 * frame)
        if self.variant == "unknown" and all(None not in s for s in shapes):
            raise NoCase("nothing is unknown")
        thing = revived(self.record, self.variant)
        symbolic, used, self.dtypes, self.tables = [], [], [], []
        front = self.variant in ("masked", "embedded")
        if front and not any(len(s) == 2 and t.dtype == "float32" for s, t in zip(shapes, self.tensors)):
            raise NoCase("no sequence")
        if front and self.record["class"] in ("Masking", "Embedding"):
            raise NoCase("masks itself")
        for i, (shape, tensor) in enumerate(zip(shapes, self.tensors)):
            dtype, sequence = dtype_of(tensor, self.record, self.variant), len(shape) == 2 and tensor.dtype == "float32"
            table = sequence and self.variant == "embedded" and not any(self.tables)
            if table:
                dtype, shape = "int32", shape[:1]
                self.concrete[i] = self.concrete[i][:1]
            if self.fixed:
                x = keras.Input(batch_shape=tuple(d if d is not None else 2 for d in tensor.shape), dtype=dtype)
            elif len(tensor.shape) == 0 and not self.scalars:
                raise NoCase("a scalar")
            else:
                x = keras.Input(shape, dtype=dtype)
            symbolic.append(x)
            self.dtypes.append(dtype)
            self.tables.append(table)
            if table:
                x = keras.layers.Embedding(5, tensor.shape[-1], mask_zero=True)(x)
            elif sequence and self.variant == "masked":
                x = keras.layers.Masking()(x)
            used.append(x)
        values = iter(used)
        args, kwargs = replaced(self.record["args"], values), replaced(self.record["kwargs"], values)
        outputs = thing(*args, **kwargs)
        self.model = keras.Model(symbolic, outputs)
        self.randomise()

    def randomise(self):
        for w in self.model.weights:
            if "seed" in w.path or w.path.endswith("g_idx") or not str(w.dtype).startswith(("float", "bfloat")):
                continue
            values = self.rng.normal(size=w.shape) * 0.5
            if any(word in w.path.rsplit("/", 1)[-1] for word in ("variance", "scale", "gamma", "idf")):
                values = np.abs(values) + 0.5
            w.assign(values.astype("float32"))

    def values(self, rows):
        """Random inputs of so many rows."""
        made = []
        for tensor, dtype, dims, table in zip(self.tensors, self.dtypes, self.concrete, self.tables):
            shape = tuple(d or 2 for d in tensor.shape) if self.fixed else (rows, *dims)
            if dtype == "string":
                made.append(self.rng.choice(tensor.words or ("a", "b"), shape))
            elif dtype == "bool":
                made.append(self.rng.random(shape) < 0.6)
            elif table:
                made.append(self.rng.integers(0, 5, shape).astype(dtype))
            elif dtype.startswith(("int", "uint")):
                low, high = (tensor.low, tensor.high) if tensor.dtype == dtype else (-3, 5)
                if low == high:
                    low, high = min(0, low), max(high, 3)
                made.append(self.rng.integers(low, high, shape, endpoint=True).astype(dtype))
            else:
                x = self.rng.normal(size=shape)
                if '"dtype": "uint' in self.record["config"]:
                    x = np.abs(x)  # TensorFlow's cast of a negative number depends on its place in the tensor
                if self.variant == "masked" and x.ndim == 3 and tensor.dtype == "float32":
                    x[:, -1] = 0
                    x[::2, x.shape[1] // 2] = 0
                    x[1:2] = 0
                made.append(x.astype("float32") if dtype.startswith(("bfloat", "float8")) else x.astype(dtype))
        if self.record["class"] == "SearchSorted":
            made[0] = np.sort(made[0], axis=0)
        if self.record["class"] == "PerspectiveTransform":  # corners anywhere make systems that nobody solves well
            corners = np.array([[0, 0], [19, 0], [0, 19], [19, 19]])
            made[1:] = [(corners + x).astype(x.dtype) for x in made[1:]]
        return made

    def exact(self, values):
        """For a case of 16 bits: lists of what the layer gives in float64, flat, of weights and inputs that were rounded to
        16 bits. Two, where integers may be indices or numbers, which are rounded as well."""
        import tensorflow as tf

        narrow = self.variant.removeprefix("mixed_")
        wide = Case(self.name, self.record, "float64").model
        for w, own in zip(wide.weights, self.model.weights, strict=True):
            w.assign(rounded(own.numpy(), narrow))
        answers = []
        for numbers in (False, True) if any(v.dtype.kind == "i" for v in values) else (False,):
            tensors = [tf.constant(rounded(v, narrow) if v.dtype.kind == "f" or (numbers and v.dtype.kind == "i") else v, dtype=x.dtype)
                       for v, x in zip(values, wide.inputs)]
            answers.append([y.numpy() for y in keras.tree.flatten(wide(tensors, training=False))])
        return answers

    def shapes_follow_data(self):
        """Whether it is an operation, and integers or truth values that are all 0 make outputs of another shape than those
        that count the rows."""
        if self.record["kind"] != "operation":
            return False
        state = self.rng.bit_generator.state
        values = self.values(3)
        self.rng.bit_generator.state = state
        if all(v.dtype.kind not in "iub" for v in values):
            return False
        counted = [np.add(0 * v, np.arange(len(v)).reshape(-1, *[1] * (v.ndim - 1))).astype(v.dtype) if v.dtype.kind in "iub" else v
                   for v in values]
        zeros = [np.zeros_like(v) if v.dtype.kind in "iub" else v for v in values]
        try:
            a, b = ([tuple(y.shape) for y in keras.tree.flatten(self.model(convert(v, self.dtypes)))] for v in (zeros, counted))
        except Exception:  # numbers that Keras cannot take
            return False
        return a != b

    def joined(self):
        """Whether the batches of a prediction can be joined: NoCase where they never can, False where they may not."""
        shapes = [tuple(y.shape) for y in self.model.outputs]
        if () in shapes and not self.fixed:
            raise NoCase("Keras's predict cannot join numbers")
        return not self.fixed and all(s and s[0] is None for s in shapes)


class Together:
    """Cases as one model, with their inputs and outputs one after the other."""

    def __init__(self, cases):
        self.cases = cases
        self.fixed = cases[0].fixed
        self.dtypes = [d for c in cases for d in c.dtypes]
        # Keras's own loader of .h5 drops those (saving_utils.model_from_config), and has other answers than what it saved.
        self.several_axes = any(re.search(r'"axis": \[(\]|[^],]+,)', c.record["config"]) for c in cases)
        self.counts = [len(c.model.outputs) for c in cases]
        self.model = cases[0].model
        if len(cases) > 1:
            self.model = keras.Model([x for c in cases for x in c.model.inputs], [y for c in cases for y in c.model.outputs])

    def values(self, rows):
        """Random inputs of so many rows."""
        return [x for c in self.cases for x in c.values(rows)]

    def answers(self, values):
        """Keras's outputs, flat, as NumPy arrays, of batches of 32 as Model.predict makes them; NoCase where those cannot be
        joined. A list of one answer, or of two where layers of images (DataLayer) cast their inputs in a graph, as in
        predict, and do not where the model is called."""
        import tensorflow as tf

        calls = [self.model]
        if any(isinstance(layer, DataLayer) for layer in self.model._flatten_layers()):
            calls.append(tf.function(self.model))
        return [self.answer(call, values) for call in calls]

    def answer(self, call, values):
        rows = len(values[0])
        parts = [self.batch(call, [v[i : i + BATCH] if len(v) == rows else v for v in values]) for i in range(0, rows, BATCH)]
        if any(len({y.dtype for y in same}) > 1 for same in zip(*parts)):
            raise NoCase("Keras's predict has batches of different dtypes")
        parts = [[as_numpy(y) for y in part] for part in parts]
        try:
            return [np.concatenate(outputs) for outputs in zip(*parts)]
        except ValueError as error:
            raise NoCase(f"Keras's predict cannot join the batches: {error}") from error

    def batch(self, call, values):
        """The outputs of one batch, as TensorFlow's tensors."""
        import tensorflow as tf

        outputs = keras.tree.flatten(call(convert(values, self.dtypes), training=False))
        return [tf.sparse.to_dense(y) if isinstance(y, tf.SparseTensor) else tf.convert_to_tensor(y) for y in outputs]
