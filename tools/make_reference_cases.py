#!/usr/bin/env python3
"""Makes the stored reference cases: tests/cases/data/<group>.zip from the lists in tests/cases/layers and graphs.

    make_reference_cases.py [--only TEXT] [--output DIR] [--seed TEXT]

Needs Keras 3 with TensorFlow; with tf_keras installed as well, it also writes `.h5` files of Keras 2's format. The
results are in the repository: run it after a change of the lists. For a case `NAME` of a group the zip holds
  cases.json                            {NAME: {"written_by": ..., "rtol": ...}}; without rtol, the test's own holds
  NAME/model.keras, NAME/model.h5       the model as Keras 3 saves it
  NAME/<set>in<k>.npy, <set>out<k>.npy  inputs and Keras's outputs, in the order of model.inputs and model.outputs
and `keras2-NAME/` the same for tf_keras, with its own weights and outputs. Weights, moving statistics among them, and
inputs come from a generator seeded with the case's name (and --seed: other values); the outputs are those of the model
loaded back from its file. Files hold no dates, so that a second run on the same machine gives the same bytes.
"""
import argparse
import functools
import importlib.util
import io
import json
import logging
import os
import pathlib
import sys
import tempfile
import warnings
import zipfile
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

try:
    import tf_keras
except ImportError:
    tf_keras = None

logging.disable(logging.WARNING)  # each .h5 brings several

CASES = pathlib.Path(__file__).resolve().parents[1] / "tests" / "cases"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
MOST_BYTES = 4_600_000
# Every model is stored as .keras; as .h5 of Keras 3, and as one of Keras 2, one in so many cases of a layer, and every graph.
H5_ONE_IN = 4


def case_lists():
    """Returns all cases, read from the lists."""
    sys.path.insert(0, str(CASES))
    cases = []
    for path in sorted(CASES.glob("layers/*.py")) + sorted(CASES.glob("graphs/*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        cases += module.CASES
    names = [c.name for c in cases]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise SystemExit(f"case names used twice: {sorted(twice)}")
    return cases


def random_weight(rng, name, shape):
    """Made-up values for a weight: of a size that keeps activations in range, and positive where it must be."""
    if "variance" in name:
        return rng.uniform(0.5, 2.0, shape)
    if name.endswith("_scale") or name.endswith("_scales"):  # of quantised layers
        return rng.uniform(0.5, 2.0, shape)
    if "gamma" in name:
        return 1 + 0.3 * rng.standard_normal(shape)
    if "embeddings" in name:
        return rng.standard_normal(shape)
    if len(shape) >= 2:
        return rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))
    return 0.3 * rng.standard_normal(shape)


def randomise(model, rng):
    """Gives every float weight of a model random values, and those of quantised layers random bytes."""
    for weight in model.weights:
        dtype = str(weight.dtype).replace("<dtype: '", "")
        name = getattr(weight, "path", weight.name).rsplit("/", 1)[-1]
        if dtype in ("int8", "uint8"):
            low, high = (0, 8) if "zero" in name else (-128, 128) if dtype == "int8" else (0, 256)
            weight.assign(rng.integers(low, high, tuple(weight.shape)).astype(dtype))
        elif dtype.startswith("float") and name != "g_idx":
            weight.assign(random_weight(rng, name, tuple(weight.shape)).astype("float32"))
    for layer in model._flatten_layers():
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def npy(array):
    """The bytes of an array as a .npy file; strings of TensorFlow, which are objects, as NumPy's."""
    out = io.BytesIO()
    if array.dtype == object:
        array = np.array([text.decode() for text in array.ravel()]).reshape(array.shape)
    np.save(out, np.ascontiguousarray(array))
    return out.getvalue()


def without_dates(path):
    """The bytes of a file that Keras wrote; of a .keras archive, with a fixed date in it and its members."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "metadata.json":
                content = json.dumps({**json.loads(content), "date_saved": "1980-01-01@00:00:00"}).encode()
            new.writestr(zipfile.ZipInfo(name, LONG_AGO), content)
    return out.getvalue()


def flat(package, outputs):
    """Outputs as a list of arrays."""
    flatten = keras.tree.flatten if package is keras else tf.nest.flatten
    return [np.asarray(o) for o in flatten(outputs)]


def answer(package, model, values):
    """A model's outputs as a list of arrays."""
    values = values if len(values) > 1 else values[0]
    try:
        return flat(package, model(values, training=False))
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
        # channels_first and dilated transposed convolutions want a GPU, or TensorFlow's compiler
        return flat(package, tf.function(model, jit_compile=True)(values, training=False))


def answer_in_batches(package, model, values, batch):
    """`answer` for so many rows at a time, the batches one after the other; for all at once without `batch`."""
    if not batch:
        return answer(package, model, values)
    parts = [answer(package, model, [v[i : i + batch] for v in values]) for i in range(0, len(values[0]), batch)]
    return [np.concatenate(outputs) for outputs in zip(*parts)]


def saved(package, model, extension, folder):
    """Saves a model; returns the file's bytes and the model loaded from it."""
    path = folder / f"model.{extension}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
        content = without_dates(path)
        loaded = package.models.load_model(path, compile=False)
    path.unlink()
    return content, loaded


def make(package, case, extensions, seed):
    """Makes a case with a package (keras or tf_keras); returns its name, what cases.json says of it, and its files."""
    package.backend.clear_session()
    own = case.name if package is keras else f"keras2-{case.name}"
    rng = np.random.default_rng(zlib.crc32((seed + own).encode()))
    model = case.build(package)
    randomise(model, rng)
    files, answers = {}, []
    sets = []
    for index, shapes in enumerate(case.sets):
        prefix = f"set{index}_" if len(case.sets) > 1 else ""
        values = [i.values(rng, shape, case.rows) for i, shape in zip(case.inputs, shapes)]
        sets.append((prefix, values))
        files |= {f"{own}/{prefix}in{k}.npy": npy(v) for k, v in enumerate(values)}
    with tempfile.TemporaryDirectory() as folder:
        for extension in extensions:
            content, loaded = saved(package, model, extension, pathlib.Path(folder))
            files[f"{own}/model.{extension}"] = content
            answers.append([answer_in_batches(package, loaded, v, case.batch) for _, v in sets])
    for other in answers[1:]:
        for a, b in zip(answers[0], other):
            if any(not np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a, b)):
                raise ValueError("Keras's answers differ between the files")
    for (prefix, _), outputs in zip(sets, answers[0]):
        files |= {f"{own}/{prefix}out{k}.npy": npy(o) for k, o in enumerate(outputs)}
    about = {"written_by": f"{package.__name__} {package.__version__}"} | ({"rtol": case.rtol} if case.rtol else {})
    return own, about, files


def group_files(cases, seed):
    """Returns the files of one group's zip, and prints what could not be made."""
    files, about = {}, {}

    def add(case, package, extensions):
        name, said, made = make(package, case, extensions, seed)
        about[name] = said
        files.update(made)

    for index, case in enumerate(cases):
        every = case.group in ("structure", "networks")
        with_h5 = case.legacy and (every or index % H5_ONE_IN == 0)
        try:
            if case.keras3:
                add(case, keras, ["keras", "h5"] if with_h5 else ["keras"])
        except Exception as error:
            raise SystemExit(f"{case.name}: {type(error).__name__}: {error}") from error
        if tf_keras is None or not case.keras2 or not (every or not case.keras3 or index == 0 or index % H5_ONE_IN == H5_ONE_IN // 2):
            continue
        try:
            add(case, tf_keras, ["h5"])
        except Exception as error:  # Keras 2 lacks many arguments, and cannot run some that it has
            print(f"  not with Keras 2: {case.name}: {type(error).__name__}: {str(error).splitlines()[0][:100]}")
    files["cases.json"] = json.dumps(about, indent=0, sort_keys=True).encode()
    return files


def write_zip(path, files):
    """Writes files to a zip without dates."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), files[name], zipfile.ZIP_DEFLATED, 9)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="make only groups whose name holds this text")
    parser.add_argument("--output", type=pathlib.Path, default=CASES / "data")
    parser.add_argument("--seed", default="", help="other weights and inputs than the stored ones")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    groups = functools.reduce(lambda all_, c: {**all_, c.group: [*all_.get(c.group, []), c]}, case_lists(), {})
    for group in sorted(groups):
        if arguments.only not in group:
            continue
        files = group_files(groups[group], arguments.seed)
        path = arguments.output / f"{group}.zip"
        write_zip(path, files)
        print(f"{group}: {len(json.loads(files['cases.json']))} cases, {path.stat().st_size} bytes", flush=True)
    if not arguments.only:
        for path in set(arguments.output.glob("*.zip")) - {arguments.output / f"{g}.zip" for g in groups}:
            path.unlink()
    total = sum(p.stat().st_size for p in arguments.output.glob("*.zip"))
    print(f"{total} bytes in all")
    if total > MOST_BYTES and not arguments.seed:
        raise SystemExit(f"more than {MOST_BYTES} bytes")


if __name__ == "__main__":
    main()
