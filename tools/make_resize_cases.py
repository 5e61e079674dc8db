"""Writes tests/unit/resize_cases.h: what tf.image.resize makes of a small image, for every method. Needs TensorFlow."""
import pathlib

import numpy as np
import tensorflow as tf

METHODS = [("nearest", False), ("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True),
           ("lanczos3", False), ("lanczos3", True), ("lanczos5", True), ("area", False)]
SIZES = [(3, 4), (8, 11), (5, 2)]


def main():
    height, width, channels = 5, 6, 2
    image = np.random.default_rng(7).normal(size=(1, height, width, channels)).astype("float32")
    lines = ["/* resize_cases.h: made by tools/make_resize_cases.py: results of tf.image.resize. */",
             f"static const float resize_image[] = {{{numbers(image)}}};",
             "static const struct {",
             "    hp_resize_params params;",
             "    float wanted[176];",
             "} resize_cases[] = {"]
    for method, antialias in METHODS:
        for size in SIZES:
            out = tf.image.resize(image, size, method=method, antialias=antialias).numpy()
            lines.append(f"    {{{{{size[0]}, {size[1]}, HP_RESIZE_{method.upper()}, {int(antialias)}}},"
                         f" {{{numbers(out)}}}}},")
    lines.append("};")
    target = pathlib.Path(__file__).parent.parent / "tests" / "unit" / "resize_cases.h"
    target.write_text("\n".join(lines) + "\n")


def numbers(array):
    return ", ".join(f"{x:.9g}F" if "." in f"{x:.9g}" or "e" in f"{x:.9g}" else f"{x:.9g}" for x in array.ravel())


if __name__ == "__main__":
    main()
