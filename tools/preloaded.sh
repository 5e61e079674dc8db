#!/bin/sh
# preloaded.sh: runs a command, a Python that loads our extension module, with the address sanitizer's library loaded first.
#
# Python itself leaves memory behind at its end, so leaks are not looked for.
set -eu
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0:verify_asan_link_order=0"
export HORNPIPE_SANITIZED=1
LD_PRELOAD=$(gcc -print-file-name=libasan.so) exec "$@"
