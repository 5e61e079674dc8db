# The kinds of output hold the same predictions, however many threads and whatever batch; progress says nothing.
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o none.npy --progress none 2>error && exit 9
grep -q 'rows.npy' error
"$BUILT_EXAMPLES/make_rows" 1000 10 > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o a.npy --progress none
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o b.npy --progress none -j1 -b 7 --chunk-rows 13
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o c.npy --progress none --jobs=5 --max-memory 100K
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" - -o d.npy --progress none < rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows=rows.npy -o e.npy --progress none
for file in b c d e; do cmp a.npy $file.npy; done
hornpipe diff "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy a.npy
hornpipe diff "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy a.npy --isa base
