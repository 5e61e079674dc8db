"""The command's progress on a terminal, which shell scripts have none of."""
import os
import pathlib
import pty
import select
import subprocess

import numpy as np
import pytest

MLP = pathlib.Path(__file__).resolve().parents[2] / "examples" / "mlp_10_64_64_1.keras"
CHUNK, ROW_BYTES = 100, 40


@pytest.mark.parametrize("style, drawn", [("auto", True), ("bar", True), ("lines", False), ("none", False)])
def test_bar(command, tmp_path, style, drawn):
    """A bar by itself on a terminal, gone at the end; a line sums up, unless nothing is wanted."""
    np.save(tmp_path / "rows.npy", np.zeros((40000, 10), np.float32))
    text = (tmp_path / "rows.npy").read_bytes()
    ours, theirs = pty.openpty()
    run = subprocess.Popen([command, "predict", MLP, "-", "--input-format", "npy", "-o", "out.npy", "--progress", style,
                            "--chunk-rows", str(CHUNK)], stdin=subprocess.PIPE, stderr=theirs, cwd=tmp_path)
    os.close(theirs)
    seen, at = b"", len(text) - 40000 * ROW_BYTES
    run.stdin.write(text[:at])
    for _ in range(20 if not drawn else 300):  # rows come slowly until the bar is there
        run.stdin.write(text[at : at + CHUNK * ROW_BYTES])
        run.stdin.flush()
        at += CHUNK * ROW_BYTES
        if select.select([ours], [], [], 0.05)[0]:
            seen += os.read(ours, 4096)
        if b"rows/s" in seen:
            break
    assert seen.startswith(b"\r[") == drawn
    run.stdin.write(text[at:])
    run.stdin.close()
    try:
        while more := os.read(ours, 4096):
            seen += more
    except OSError:  # the other end is closed, and all was read
        pass
    os.close(ours)
    assert run.wait(60) == 0
    assert (b"\033[K" in seen) == drawn and (b"40000 rows in" in seen) == (style != "none")
    assert seen == b"" or style != "none"
