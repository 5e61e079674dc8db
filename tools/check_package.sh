#!/bin/sh
# check_package.sh: `pip install .` in a fresh environment, then the README's five lines as they stand there.
set -eu
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=python3
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check install .

# The first block of Python in the README, on a model and rows of the examples.
sed -n '/^```python$/,/^```$/p' README.md | sed '/^```$/,$d; /^```/d' >"$folder/readme.py"
cp examples/mlp_10_64_64_1.keras "$folder/model.keras"
(cd "$folder" && venv/bin/python - <<'PYTHON'
import numpy as np
np.save("rows.npy", np.random.default_rng(0).random((1000, 10), np.float32))
PYTHON
)
(cd "$folder" && venv/bin/python -W error readme.py)
lines=$(grep -c . "$folder/readme.py")
[ "$lines" -ge 4 ] || { echo "check_package: the README has no lines of Python"; exit 1; }
packages=$("$folder/venv/bin/python" -m pip --disable-pip-version-check list --format=freeze | grep -Ev '^(pip|setuptools|wheel)=' | sed 's/=.*//' | sort | tr '\n' ' ')
[ "$packages" = "hornpipe numpy " ] || { echo "check_package: installed $packages; expected hornpipe and numpy"; exit 1; }
echo "check_package: installed, $lines lines of the README run"
