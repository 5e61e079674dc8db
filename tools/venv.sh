#!/bin/sh
# venv.sh: makes a Python environment of its own with the packages of a requirements file, or brings it up to date.
#
#     tools/venv.sh DIRECTORY REQUIREMENTS
#
# Does nothing where the environment was made from the same file.
set -eu

directory=$1
requirements=$2
if [ -x "$directory/bin/python" ] && cmp -s "$requirements" "$directory/requirements.txt"; then exit 0; fi
python=python3
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3 # Debian's, whatever stands before it in PATH
rm -rf "$directory"
"$python" -m venv "$directory"
"$directory/bin/python" -m pip --quiet --disable-pip-version-check install -r "$requirements"
cp "$requirements" "$directory/requirements.txt"
