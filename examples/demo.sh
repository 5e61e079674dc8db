#!/usr/bin/env bash
# demo.sh: predicts with two models trained by Keras, and runs the million-row workload.
#
#     examples/demo.sh [HORNPIPE]        (HORNPIPE: the command; build/hornpipe without it)
#
# Prints each model's accuracy on held-out rows, from hornpipe's predictions; fails when it is under 0.95, when a
# prediction's class is not the one that Keras gave that row, or when a command fails. Needs a C compiler (for the
# made-up rows), od and awk; no Python.
set -eu -o pipefail

examples=$(cd "$(dirname "$0")" && pwd)
hornpipe=${1:-$examples/../build/hornpipe}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "demo: $*" >&2
    exit 1
}

# Values of a version 1 .npy file, one row of COLUMNS a line: npy_values FILE OD_TYPE COLUMNS BYTES_OF_A_VALUE
npy_values() {
    local header
    header=$(($(od -An -tu2 -j8 -N2 "$1") + 10))
    od -An -v -t"$2" -j"$header" -w$(($3 * $4)) "$1"
}

# The column of each line's largest value, counted from 0; a header line of a .csv file is left out.
argmax() {
    awk -F'[ ,]+' '
        { sub(/^ +/, "") }
        $1 ~ /^[-+.0-9]/ {
            best = 1
            for (i = 2; i <= NF; i++) if ($i + 0 > $best + 0) best = i
            print best - 1
        }'
}

# trained MODEL CLASSES: predicts the held-out rows, and compares with their true classes and Keras's predictions.
trained() {
    local model=$1 classes=$2 name
    name=$(basename "${model%.*}")
    "$hornpipe" predict "$examples/$model" "$examples/data/${name}_inputs.npy" -o "$work/$name.csv" --progress none
    argmax <"$work/$name.csv" >"$work/$name.classes"
    npy_values "$examples/data/${name}_keras.npy" f4 "$classes" 4 | argmax >"$work/$name.keras"
    npy_values "$examples/data/${name}_labels.npy" u1 1 1 | tr -d ' ' >"$work/$name.labels"
    cmp -s "$work/$name.classes" "$work/$name.keras" ||
        fail "$model: $(paste "$work/$name.classes" "$work/$name.keras" | awk '$1 != $2' | wc -l) of" \
            "$(wc -l <"$work/$name.keras") rows are given another class than Keras gives them"
    echo "$model: $(wc -l <"$work/$name.labels") held-out rows, the class that Keras gives in every row"
    paste "$work/$name.classes" "$work/$name.labels" | awk '
        { right += $1 == $2 }
        END { printf "accuracy %.4f\n", right / NR; exit right / NR < 0.95 }' || fail "$model: accuracy under 0.95"
}

# million_rows: 1,000,000 x 10 rows through the 64-64-1 network, from file to file, and Keras's answer to the first.
million_rows() {
    local model=$examples/mlp_10_64_64_1.keras rows=1000000 start best='' took
    ${CC:-cc} -std=c11 -O2 -o "$work/make_rows" "$examples/make_rows.c"
    "$work/make_rows" 1000 10 >"$work/first.npy"
    "$hornpipe" diff "$model" "$work/first.npy" "$examples/data/mlp_10_64_64_1_keras.npy"
    "$work/make_rows" $rows 10 >"$work/rows.npy"
    for _ in 1 2 3; do
        rm -f "$work/predictions.npy"
        start=$(date +%s%N)
        "$hornpipe" predict "$model" "$work/rows.npy" -o "$work/predictions.npy" --progress none
        took=$((($(date +%s%N) - start) / 1000))
        if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
    done
    awk -v rows="$rows" -v us="$best" 'BEGIN {
        printf "mlp_10_64_64_1.keras: 1,000,000 x 10 rows from file to file in %.3f s, the best of 3 whole runs: ", us / 1e6
        printf "%.1f million rows/s\n", rows / us }'
}

[ -x "$hornpipe" ] || fail "no command $hornpipe: build it with make"
trained breast_cancer_mlp.h5 2
trained digits_cnn.keras 10
million_rows
