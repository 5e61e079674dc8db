#!/bin/sh
# check_exports.sh NM SYMBOL OBJECT: the object defines exactly one external symbol, SYMBOL.
#
# A second one could be linked into code for another ISA. What sanitizers add to every object does not count.
set -eu
names=$("$1" -g --defined-only "$3" | awk 'NF == 3 { print $3 }' | grep -Ev '^__(odr_asan|asan|ubsan|tsan)' || true)
if [ "$names" != "$2" ]; then
    echo "$3 exports:"
    echo "$names"
    echo "and should export $2 alone"
    exit 1
fi
