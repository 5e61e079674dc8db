#!/usr/bin/env python3
"""All benchmarks that put hornpipe beside others, one after the other: run.py [--hornpipe build/hornpipe] [--onnx-python PYTHON]

Each is also a script of its own, with more options.
"""
import pathlib
import subprocess
import sys

for script in "cold_start.py", "million_rows.py":
    subprocess.run([sys.executable, pathlib.Path(__file__).with_name(script), *sys.argv[1:]], check=True)
