#!/usr/bin/env python3
"""Writes tests/data/format/: small model files of every layout, and hostile ones.

Needs h5py and numpy; with --keras also Keras 3, for the files that Keras itself writes. The files are in the
repository; this script is how they came about.
"""
import argparse
import json
import os
import pathlib
import zipfile

import h5py
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "format"


def ramp(*shape, start=0.0):
    return (np.arange(np.prod(shape), dtype=np.float32) + start).reshape(shape)


def legacy(group, layers, split=False):
    """Writes {layer: [(name, array)]} as Keras 1 and 2 do."""
    names = [name.encode() for name in layers]
    if split:
        half = len(names) // 2
        group.attrs["layer_names0"], group.attrs["layer_names1"] = names[:half], names[half:]
    else:
        group.attrs["layer_names"] = names
    for name, weights in layers.items():
        inner = group.create_group(name)
        inner.attrs["weight_names"] = [weight.encode() for weight, _ in weights]
        for weight, array in weights:
            inner.create_dataset(weight, data=array)


def keras1():
    """Keras 1.2: Theano's order of axes, an LSTM of twelve arrays; sizes: 2 filters of 1x2x3, 2 units on 6 inputs."""
    config = {"class_name": "Sequential", "config": [
        {"class_name": "Convolution2D", "config": {
            "name": "convolution2d_1", "trainable": True, "batch_input_shape": [None, 1, 4, 5], "nb_filter": 2,
            "nb_row": 2, "nb_col": 3, "init": "glorot_uniform", "activation": "linear", "border_mode": "valid",
            "subsample": [1, 1], "dim_ordering": "th", "W_regularizer": None, "b_regularizer": None,
            "activity_regularizer": None, "W_constraint": None, "b_constraint": None, "bias": True,
            "input_dtype": "float32"}},
        {"class_name": "PReLU", "config": {"name": "prelu_1", "trainable": True, "init": "zero"}},
        {"class_name": "Reshape", "config": {"name": "reshape_1", "trainable": True, "target_shape": [3, 6]}},
        {"class_name": "LSTM", "config": {
            "name": "lstm_1", "trainable": True, "return_sequences": False, "go_backwards": False, "stateful": False,
            "unroll": False, "consume_less": "cpu", "input_dim": 6, "input_length": None, "output_dim": 2,
            "init": "glorot_uniform", "inner_init": "orthogonal", "forget_bias_init": "one", "activation": "tanh",
            "inner_activation": "hard_sigmoid", "W_regularizer": None, "U_regularizer": None, "b_regularizer": None,
            "dropout_W": 0.0, "dropout_U": 0.0}},
        {"class_name": "Dropout", "config": {"name": "dropout_1", "trainable": True, "p": 0.5}},
    ]}
    gates = []
    for i, gate in enumerate("icfo"):
        gates += [(f"lstm_1_W_{gate}", ramp(6, 2, start=100 * i)), (f"lstm_1_U_{gate}", ramp(2, 2, start=100 * i + 20)),
                  (f"lstm_1_b_{gate}", ramp(2, start=100 * i + 30))]
    with h5py.File(HERE / "keras1.h5", "w") as f:
        f.attrs["keras_version"] = "1.2.2"
        f.attrs["model_config"] = json.dumps(config)
        legacy(f.create_group("model_weights"), {
            "convolution2d_1": [("convolution2d_1_W", ramp(2, 1, 2, 3)), ("convolution2d_1_b", ramp(2))],
            "prelu_1": [("prelu_1_alphas", ramp(2, 1, 1))], "reshape_1": [], "lstm_1": gates, "dropout_1": []})


def keras2():
    """Keras 2.2.4 on Theano: a nested, shared Sequential, split names, attributes of bytes, a CuDNN layer."""
    inner = {"class_name": "Sequential", "name": "inner", "config": {"name": "inner", "layers": [
        {"class_name": "Conv1D", "config": {
            "name": "conv1d_1", "trainable": False, "batch_input_shape": [None, 5, 2], "dtype": "float32",
            "filters": 2, "kernel_size": [3], "strides": [1], "padding": "same", "data_format": "channels_last",
            "dilation_rate": [1], "activation": "relu", "use_bias": True}},
        {"class_name": "Dense", "config": {"name": "dense_1", "trainable": True, "units": 2,
                                           "activation": "hard_sigmoid", "use_bias": False}}]},
             "inbound_nodes": [[["a", 0, 0, {}]], [["b", 0, 0, {}]]]}
    config = {"class_name": "Model", "config": {"name": "model_1", "layers": [
        {"name": "a", "class_name": "InputLayer", "inbound_nodes": [],
         "config": {"batch_input_shape": [None, 5, 2], "dtype": "float32", "sparse": False, "name": "a"}},
        {"name": "b", "class_name": "InputLayer", "inbound_nodes": [],
         "config": {"batch_input_shape": [None, 5, 2], "dtype": "float32", "sparse": False, "name": "b"}},
        inner,
        {"name": "gru_1", "class_name": "CuDNNGRU", "inbound_nodes": [[["inner", 2, 0, {}]]],
         "config": {"name": "gru_1", "trainable": True, "return_sequences": False, "return_state": False,
                    "go_backwards": False, "stateful": False, "units": 2}},
        {"name": "lstm_1", "class_name": "LSTM",
         "inbound_nodes": [[["inner", 1, 0, {}], ["gru_1", 0, 0, {}], ["gru_1", 0, 0, {}]]],
         "config": {"name": "lstm_1", "trainable": True, "units": 2, "activation": "tanh",
                    "recurrent_activation": "hard_sigmoid", "use_bias": True, "implementation": 1}},
        {"name": "old_gru", "class_name": "GRU", "inbound_nodes": [[["inner", 1, 0, {"training": False}]]],
         "config": {"name": "old_gru", "trainable": True, "units": 1, "activation": "tanh",
                    "recurrent_activation": "sigmoid", "use_bias": True, "implementation": 1}},
    ], "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["lstm_1", 0, 0]]}}
    with h5py.File(HERE / "keras2.h5", "w") as f:
        f.attrs["keras_version"] = np.bytes_("2.2.4")
        f.attrs["backend"] = np.bytes_("theano")
        f.attrs["model_config"] = np.bytes_(json.dumps(config))
        group = f.create_group("model_weights")
        group.attrs["keras_version"], group.attrs["backend"] = np.bytes_("2.2.4"), np.bytes_("theano")
        legacy(group, {
            "a": [], "b": [],
            "inner": [("dense_1/kernel:0", ramp(2, 2)), ("conv1d_1/kernel:0", ramp(3, 2, 2)),
                      ("conv1d_1/bias:0", ramp(2))],
            "gru_1": [("kernel", ramp(2, 6)), ("recurrent_kernel", ramp(2, 6)), ("bias", ramp(12))],
            "lstm_1": [("kernel", ramp(2, 8)), ("recurrent_kernel", ramp(2, 8)), ("bias", ramp(8))],
            "old_gru": [("kernel", ramp(2, 3)), ("recurrent_kernel", ramp(1, 3)), ("bias", ramp(3))],
        }, split=True)


def zipped(name, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(HERE / name, "w", compression) as archive:
        for member, content in members:
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), content, compression)


def small_config(**more):
    dense = {"module": "keras.layers", "class_name": "Dense", "registered_name": None,
             "config": {"name": "dense", "trainable": True, "units": 2, "activation": "linear", "use_bias": True},
             "build_config": {"input_shape": [None, 3]}}
    layers = [{"module": "keras.layers", "class_name": "InputLayer", "registered_name": None,
               "config": {"batch_shape": [None, 3], "dtype": "float32", "name": "input_layer"}}, dense]
    return json.dumps({"module": "keras", "class_name": "Sequential", "registered_name": None,
                       "config": {"name": "sequential", "layers": layers}, **more})


def weights_h5(write):
    path = HERE / "scratch.h5"
    with h5py.File(path, "w") as f:
        write(f)
    content = path.read_bytes()
    path.unlink()
    return content


def dense_weights(f):
    f["layers/dense/vars/0"] = ramp(3, 2)
    f["layers/dense/vars/1"] = ramp(2, start=10)


def zips():
    h5 = weights_h5(dense_weights)
    meta = json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"})
    parts = [("metadata.json", meta), ("config.json", small_config()), ("model.weights.h5", h5),
             ("assets/layers/string_lookup/vocabulary.txt", "a\nb\n")]
    zipped("small.keras", parts)
    zipped("deflated.keras", parts, zipfile.ZIP_DEFLATED)
    zipped("evil_traversal.keras", parts + [("assets/../../x.txt", "x")])
    zipped("evil_no_config.keras", parts[:1])
    zipped("bomb.keras", parts[:2] + [("model.weights.h5", bytes(80 << 20))], zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(HERE / "evil_link.keras", "w") as archive:
        for member, content in parts:
            info = zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0))
            if member.startswith("assets"):
                info.create_system, info.external_attr, content = 3, 0o120777 << 16, "/etc/passwd"
            archive.writestr(info, content)
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zipped("evil_twice.keras", parts + [("config.json", "{}")])
    # TensorFlow 2.12's names: layers with weights count twice
    def old(f):
        for name in ("dense", "dense_2", "dropout", "string_lookup_1"):
            f.create_group(f"_layer_checkpoint_dependencies/{name}/vars")
        f["_layer_checkpoint_dependencies/dense/vars/0"] = ramp(1)
        f["_layer_checkpoint_dependencies/dense_2/vars/0"] = ramp(2)
        f["_layer_checkpoint_dependencies/dense_2/_query_dense/vars/0"] = ramp(3)
        f["optimizer/vars/0"] = ramp(4)
    zipped("tf212.keras", [
        ("metadata.json", json.dumps({"keras_version": "2.12.0"})), ("config.json", small_config()),
        ("model.weights.h5", weights_h5(old)),
        ("assets/_layer_checkpoint_dependencies/string_lookup_1/vocabulary.txt", "x\n")])


def shards():
    (HERE / "sharded").mkdir(exist_ok=True)
    with h5py.File(HERE / "sharded" / "model_00000.weights.h5", "w") as f:
        f["layers/dense/vars/0"] = ramp(3, 2)
    with h5py.File(HERE / "sharded" / "model_00001.weights.h5", "w") as f:
        f["layers/dense/vars/1"] = ramp(2, start=10)
    (HERE / "sharded" / "model.weights.json").write_text(json.dumps({"metadata": {}, "weight_map": {
        "/layers/dense/vars": ["model_00000.weights.h5", "model_00001.weights.h5"]}}))
    (HERE / "sharded" / "evil.weights.json").write_text(json.dumps({"metadata": {}, "weight_map": {
        "/layers/dense/vars": "../small.keras"}}))
    (HERE / "small.json").write_text(small_config())


def weights_files():
    """Every storage and element type."""
    with h5py.File(HERE / "kinds.weights.h5", "w") as f:
        big = np.arange(7 * 11, dtype=np.float32).reshape(7, 11)
        f.create_dataset("layers/gzip/vars/0", data=big, chunks=(3, 4), compression="gzip", shuffle=True,
                         fletcher32=True)
        f.create_dataset("layers/chunked/vars/0", data=big.astype(np.int64), chunks=(7, 2))
        f["layers/big_endian/vars/0"] = np.arange(5, dtype=">f4")
        f["layers/half/vars/0"] = np.arange(5, dtype=np.float16)
        f["layers/double/vars/0"] = np.arange(5, dtype=np.float64)
        f["layers/bytes/vars/0"] = np.arange(5, dtype=np.int8)
        f["layers/unsigned/vars/0"] = np.arange(5, dtype=np.uint32)
        f["layers/flags/vars/0"] = np.array([True, False, True])
        f["layers/scalar/vars/0"] = np.float32(2.5)
        f["layers/empty/vars/0"] = np.zeros((0, 3), np.float32)
        brain = f.create_dataset("layers/brain/vars/0", data=np.array([1.0, -2.0], np.float32).view(np.uint16)[1::2]
                                 .view("V2"))
        brain.attrs["dtype"] = "bfloat16"
        space = h5py.h5s.create_simple((4,))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        compact = h5py.h5d.create(f["layers/half/vars"].id, b"1", h5py.h5t.IEEE_F32LE, space, plist)
        compact.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4, dtype=np.float32))
    with h5py.File(HERE / "latest.weights.h5", "w", libver="latest") as f:
        dense_weights(f)
    with h5py.File(HERE / "user_block.weights.h5", "w", userblock_size=512) as f:
        dense_weights(f)


def npz():
    """Keras 2 pickles dicts of arrays; plain arrays are read, too. Keras 3's variables: see keras3()."""
    arrays = {"0": ramp(3, 2), "1": ramp(2, start=10)}
    np.savez(HERE / "keras2.weights.npz", **{"layers/dense": arrays, "__root__": {}, "optimizer": {"0": ramp(1)}})
    np.savez(HERE / "plain.weights.npz", **{f"layers/dense/vars/{k}": v for k, v in arrays.items()})


def hostile():
    def evil(name, write):
        with h5py.File(HERE / f"evil_{name}.weights.h5", "w") as f:
            dense_weights(f)
            write(f)

    def cycle(f):
        f["layers/dense/loop"] = f["layers"]

    def external(f):
        f.create_dataset("layers/x/vars/0", (4,), "f4", external=[("/etc/passwd", 0, 16)])

    def virtual(f):
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
        f.create_virtual_dataset("layers/x/vars/0", layout)

    def terabytes(f):
        f.create_dataset("layers/x/vars/0", (1 << 40,), "f4", chunks=(1 << 10,), compression="gzip")

    def unwritten(f):
        f.create_dataset("layers/x/vars/0", (1 << 40,), "f4")

    def lzf(f):
        f.create_dataset("layers/x/vars/0", data=ramp(100), chunks=(10,), compression="lzf")

    def holes(f):
        f.create_dataset("layers/x/vars/0", (100,), "f4", chunks=(10,))[:10] = 1

    evil("soft", lambda f: f.__setitem__("layers/x", h5py.SoftLink("/layers/dense")))
    evil("link", lambda f: f.__setitem__("layers/x", h5py.ExternalLink("/etc/passwd", "/x")))
    for write in (cycle, external, virtual, terabytes, unwritten, lzf, holes):
        evil(write.__name__, write)
    with h5py.File(HERE / "evil_missing.h5", "w") as f:
        f.attrs["model_config"] = small_config()
        group = f.create_group("model_weights")
        legacy(group, {"dense": [("kernel", ramp(3, 2))]})
        group["dense"].attrs["weight_names"] = [b"kernel", b"bias"]
    with h5py.File(HERE / "evil_types.h5", "w") as f:
        f.attrs["model_config"] = 7


def keras3():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(1)
    x = keras.Input((4,), name="x")
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu"),
                                keras.layers.BatchNormalization()], name="encoder")
    inner_in = keras.Input((3,))
    inner = keras.Model(inner_in, keras.layers.Dense(2)(inner_in), name="inner")
    y = inner(encoder(x))
    z = inner(encoder(x))
    model = keras.Model(x, {"first": y, "second": keras.layers.Add()([y, z])})
    model.save(HERE / "keras3.keras")
    model.save(HERE / "keras3.h5")
    from keras.src.saving import saving_lib

    small = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, bias_initializer="ones")])
    small.layers[0].kernel.assign(ramp(3, 2))
    saving_lib.save_model(small, str(HERE / "npz.keras"), weights_format="npz")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keras", action="store_true", help="also write the files that Keras 3 itself makes")
    arguments = parser.parse_args()
    HERE.mkdir(parents=True, exist_ok=True)
    for make in (keras1, keras2, zips, shards, weights_files, npz, hostile):
        make()
    if arguments.keras:
        keras3()
