#!/bin/sh
# check_wheel.sh: a wheel, installed into a fresh environment of each Python given, passes the package's quick tests there.
#
#     tools/check_wheel.sh WHEEL [PYTHON]...
#
# And it is what it says: smaller than 6 MB, with one exported symbol, and in need of nothing but the C library.
set -eu
cd "$(dirname "$0")/.."

wheel=$1
shift
export PIP_PREFER_BINARY=1
[ $# -gt 0 ] || set -- python3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

size=$(stat -c %s "$wheel")
[ "$size" -lt 6000000 ] || { echo "check_wheel: $wheel has $size bytes; the most is 6,000,000"; exit 1; }
"$1" -m zipfile -e "$wheel" "$folder/content"
module=$(find "$folder/content" -name '_hornpipe*.so')
symbols=$(nm -D --defined-only "$module" | awk '{ print $3 }')
[ "$symbols" = PyInit__hornpipe ] || { echo "check_wheel: $module exports $symbols"; exit 1; }
others=$(objdump -p "$module" | awk '$1 == "NEEDED" { print $2 }' | grep -Ev '^(libc|libm|libdl|libpthread|librt|ld-linux[-a-z0-9_]*)\.so' || true)
[ -z "$others" ] || { echo "check_wheel: $module needs $others"; exit 1; }

for python in "$@"; do
    "$python" -m venv "$folder/venv" --clear
    "$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check install "$wheel" pytest
    "$folder/venv/bin/python" -m pytest -c tests/pytest.ini tests/package
    "$folder/venv/bin/python" -c 'import hornpipe, sys
print("check_wheel:", sys.version.split()[0], "hornpipe", hornpipe.__version__)
assert "hdf5" not in open("/proc/self/maps").read()'
done
echo "check_wheel: $(basename "$wheel"), $size bytes"
