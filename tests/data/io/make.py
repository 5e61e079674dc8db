#!/usr/bin/env python3
"""Makes the small input files of this folder (needs numpy and h5py). Element [i, j] of most arrays is 10 i + j - 5."""
import os

import h5py
import numpy as np
from numpy.lib import format as npy

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def table(rows, columns, dtype):
    return (10 * np.arange(rows)[:, None] + np.arange(columns)[None, :] - 5).astype(dtype)


def save(name, array, version=None):
    with open(name, "wb") as file:
        npy.write_array(file, array, version=version)


for kind in ["f2", "f4", "f8", "i1", "i2", "i4", "i8"]:
    save(f"little_{kind}.npy", table(4, 3, "<" + kind))
    save(f"big_{kind}.npy", table(4, 3, ">" + kind))
    save(f"fortran_{kind}.npy", np.asfortranarray(table(4, 3, "<" + kind)))
for kind in ["u1", "u2", "u4", "u8"]:
    save(f"little_{kind}.npy", table(4, 3, "i8").clip(0).astype("<" + kind))
    save(f"big_{kind}.npy", table(4, 3, "i8").clip(0).astype(">" + kind))
save("bool.npy", table(4, 3, "i8") % 2 == 0)
save("fortran_big_f8.npy", np.asfortranarray(table(4, 3, ">f8")))
save("cube.npy", np.arange(24, dtype="<f4").reshape(2, 3, 4))
save("cube_fortran.npy", np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)))
save("version2.npy", table(4, 3, "<f4"), (2, 0))
save("version3.npy", table(4, 3, "<f4"), (3, 0))
save("vector.npy", np.arange(5, dtype="<f4"))
save("empty.npy", np.zeros((0, 3), "<f4"))
save("scalar.npy", np.float32(1))
save("complex.npy", np.zeros((2, 2), ">c8"))
save("fields.npy", np.zeros(2, [("a", "<f4"), ("b", "<i4")]))
words = np.array([["alpha", "\u03b2\u03b7\u03c4\u03b1"], ["", "\U0001f3ba horn"]])
save("unicode.npy", words.astype("<U6"))
save("unicode_big.npy", words.astype(">U6"))
save("bytes.npy", np.array([b"one", b"two\0", b"", b"fours"], "S5"))
save("digits.npy", np.array(["1", "-2.5", " 3e2 ", "9007199254740993"]))
save("rank9.npy", np.zeros((1,) * 9, "<f4"))

np.savez("stored.npz", x=table(4, 3, "<f4"), ids=np.arange(4) + 2**53)
np.savez_compressed("deflated.npz", x=table(400, 3, "<f4"), f=np.asfortranarray(table(4, 3, "<f4")))
np.savez("single.npz", only=table(4, 3, "<f8"))

with h5py.File("data.h5", "w") as file:
    file["plain"] = table(4, 3, "<f4")
    file["big"] = table(4, 3, ">f8")
    file["half"] = table(4, 3, "<f2")
    file["ids"] = np.arange(4) + 2**53
    file["flags"] = np.array([[True, False], [False, True]])
    file["words"] = np.array(["alpha", "\u03b2\u03b7\u03c4\u03b1", ""], dtype=h5py.string_dtype())
    file["fixed"] = np.array([b"one", b"two", b"fours"], "S5")
    file["scalar"] = 3.0
    file.create_dataset("group/chunked", data=table(100, 3, "<i4"), chunks=(7, 2), compression="gzip", shuffle=True)
    file["away"] = h5py.ExternalLink("other.h5", "/x")
with h5py.File("one.h5", "w") as file:
    file["only"] = table(4, 3, "<f4")
