#!/bin/sh
# check_header.sh: hornpipe.h compiles alone, without a warning, as C11, C17 and C++11, with gcc and with clang.
set -eu
cd "$(dirname "$0")/.."
warnings="-Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only -Iinclude"
for language in "c c11" "c c17" "c++ c++11" "c++ c++20"; do
    set -- $language
    for compiler in gcc clang; do
        # shellcheck disable=SC2086 # a list of words
        echo '#include "hornpipe.h"' | $compiler -x "$1" -std="$2" $warnings -
    done
done
echo "check_header: fine as C11, C17, C++11, C++20"
