#!/bin/sh
# check_install.sh: what make install puts down can be used: a program is built against it with pkg-config (shared and
# static) and with CMake, and run.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make --no-print-directory install PREFIX="$work/usr" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
for file in bin/hornpipe include/hornpipe.h share/man/man1/hornpipe.1; do
    [ -f "$work/usr/$file" ] || { echo "check_install: $file was not installed"; exit 1; }
done
libdir=$(dirname "$(find "$work/usr" -name hornpipe.pc)")
export PKG_CONFIG_PATH="$libdir"
libdir=$(dirname "$libdir")
"$work/usr/bin/hornpipe" --version

cat >"$work/program.c" <<'C'
#include <hornpipe.h>
#include <stdio.h>
int main(void) { return puts(hp_status_text(HP_OK)) < 0; }
C
# shellcheck disable=SC2046 # lists of words
{
    cc -o "$work/shared" "$work/program.c" $(pkg-config --cflags --libs hornpipe)
    LD_LIBRARY_PATH="$libdir" "$work/shared"
    cc -o "$work/static" "$work/program.c" $(pkg-config --cflags hornpipe) "$libdir/libhornpipe.a" \
        $(pkg-config --libs hdf5-serial libzip json-c zlib) -lm -pthread
    "$work/static"
}

cat >"$work/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.22)
project(program LANGUAGES C)
find_package(hornpipe 0.1 REQUIRED)
foreach(kind static shared hornpipe)
  add_executable(with_${kind} program.c)
  target_link_libraries(with_${kind} PRIVATE hornpipe::${kind})
endforeach()
C
{
    cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/usr"
    cmake --build "$work/build"
} >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/build/with_static"
"$work/build/with_shared"
"$work/build/with_hornpipe"
echo "check_install: command, header, man page, pkg-config and CMake package"
