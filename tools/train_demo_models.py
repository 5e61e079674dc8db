#!/usr/bin/env python3
"""Trains the models that `make demo` runs, on real data, and stores what the demo compares with.

    train_demo_models.py [--output examples]

Needs Keras 3 (TensorFlow backend) and scikit-learn; the results are in the repository, so only a change of the models
needs this script. It writes into --output:

  breast_cancer_mlp.h5        an MLP (Normalization first) on scikit-learn's breast cancer data, as legacy HDF5
  digits_cnn.keras            a small CNN on scikit-learn's 8x8 digits
  mlp_10_64_64_1.keras        the 10-64-64-1 network of the million-row workload (untrained: its speed is what counts)
  data/<model>_inputs.npy     held-out rows of the two trained models
  data/<model>_labels.npy     their classes, uint8
  data/<model>_keras.npy      Keras's predictions for them, float32 (for the last model: for the first 1,000 rows that
                              examples/make_rows.c writes)

Stops with an error when an accuracy on held-out rows is under 0.95 or a model file over 200 kB.
"""
import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from sklearn import datasets, model_selection  # noqa: E402

SEED = 20
LEAST_ACCURACY = 0.95
LARGEST_FILE = 200_000


def held_out_split(x, y):
    """Splits rows into training and held-out ones, each class in its share."""
    return model_selection.train_test_split(x, y, test_size=0.25, random_state=SEED, stratify=y)


def train_breast_cancer():
    """Returns the model with its held-out rows and their classes."""
    data = datasets.load_breast_cancer()
    x_train, x_test, y_train, y_test = held_out_split(data.data.astype("float32"), data.target.astype("uint8"))
    scale = layers.Normalization(name="scale")
    scale.adapt(x_train)
    model = keras.Sequential(
        [
            keras.Input((x_train.shape[1],), name="features"),
            scale,
            layers.Dense(32, activation="relu", name="hidden_1"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(16, activation="relu", name="hidden_2"),
            layers.Dense(2, activation="softmax", name="class"),
        ],
        name="breast_cancer_mlp",
    )
    fit(model, x_train, y_train, epochs=40)
    return model, x_test, y_test


def train_digits():
    """Returns the model with its held-out images and their digits."""
    data = datasets.load_digits()
    images = data.images[..., np.newaxis].astype("uint8")  # values 0 to 16
    x_train, x_test, y_train, y_test = held_out_split(images, data.target.astype("uint8"))
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Rescaling(1 / 16, name="scale"),
            layers.Conv2D(16, 3, padding="same", use_bias=False, name="conv_1"),
            layers.BatchNormalization(name="norm_1"),
            layers.ReLU(name="relu_1"),
            layers.MaxPooling2D(name="pool_1"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv_2"),
            layers.GlobalAveragePooling2D(name="pool_2"),
            layers.Dropout(0.2, name="dropout"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits_cnn",
    )
    fit(model, x_train, y_train, epochs=40)
    return model, x_test, y_test


def fit(model, x, y, epochs):
    """Trains quietly; the learning rate falls to zero, so that the last epochs settle."""
    batch_size = 32
    steps = epochs * -(-len(x) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(5e-3, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0)


def million_row_model():
    """The network of the million-row workload, with the first rows that examples/make_rows.c writes."""
    model = keras.Sequential(
        [
            keras.Input((10,), name="rows"),
            layers.Dense(64, activation="relu", bias_initializer="glorot_uniform", name="dense_1"),
            layers.Dense(64, activation="relu", bias_initializer="glorot_uniform", name="dense_2"),
            layers.Dense(1, activation="sigmoid", name="probability"),
        ],
        name="mlp_10_64_64_1",
    )
    return model, made_up_rows(1000, 10)


def made_up_rows(rows, columns):
    """The values of examples/make_rows.c."""
    mask, state, values = (1 << 64) - 1, 0x9E3779B97F4A7C15, []
    for _ in range(rows * columns):
        total = 0
        for _ in range(3):
            state ^= state << 13 & mask
            state ^= state >> 7
            state ^= state << 17 & mask
            total += sum(state >> shift & 0xFFFF for shift in (0, 16, 32, 48))
        values.append(total / 65536 - 6)
    return np.array(values, "float32").reshape(rows, columns)


def save(model, path):
    """Saves without the optimizer's state and checks the size of the file."""
    model.compiled = False
    model.save(path)
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise SystemExit(f"{path}: {size} bytes, more than {LARGEST_FILE}")
    print(f"{path}: {size} bytes")


def save_with_data(folder, model, extension, x, y):
    """Saves a trained model, its held-out rows and Keras's predictions for them."""
    save(model, folder / f"{model.name}.{extension}")
    predictions = model.predict(x, verbose=0)
    accuracy = float(np.mean(predictions.argmax(1) == y))
    if accuracy < LEAST_ACCURACY:
        raise SystemExit(f"{model.name}: accuracy {accuracy:.4f} on held-out rows, less than {LEAST_ACCURACY}")
    print(f"{model.name}: accuracy {accuracy:.4f} on {len(x)} held-out rows")
    for what, array in ("inputs", x), ("labels", y), ("keras", predictions):
        np.save(folder / "data" / f"{model.name}_{what}.npy", array)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parents[1] / "examples")
    folder = parser.parse_args().output
    (folder / "data").mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(SEED)
    model, x, y = train_breast_cancer()
    save_with_data(folder, model, "h5", x, y)
    model, x, y = train_digits()
    save_with_data(folder, model, "keras", x, y)
    model, x = million_row_model()
    save(model, folder / f"{model.name}.keras")
    np.save(folder / "data" / f"{model.name}_keras.npy", model.predict(x, verbose=0))


if __name__ == "__main__":
    main()
