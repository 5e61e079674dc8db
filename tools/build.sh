#!/bin/sh
# build.sh: configures a build directory when that is needed, and builds.
#
#     tools/build.sh DIRECTORY [CMAKE ARGUMENT]... -- [TARGET]...
#
# Configures again only when the arguments are not those of the last time: Ninja does the rest.
set -eu

directory=$1
shift
arguments=
while [ "$1" != -- ]; do
    arguments="$arguments $1"
    shift
done
shift
if [ ! -f "$directory/build.ninja" ] || [ "$(cat "$directory/arguments" 2>/dev/null)" != "$arguments" ]; then
    # shellcheck disable=SC2086 # a list of words
    cmake -S . -B "$directory" -G Ninja $arguments
    echo "$arguments" >"$directory/arguments"
fi
if [ $# -gt 0 ]; then
    exec cmake --build "$directory" --parallel "${JOBS:-$(nproc)}" --target "$@"
fi
exec cmake --build "$directory" --parallel "${JOBS:-$(nproc)}"
