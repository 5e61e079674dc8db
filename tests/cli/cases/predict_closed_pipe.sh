# A reader that goes away is an error of writing, not a signal.
"$BUILT_EXAMPLES/make_rows" 200000 10 > rows.npy
{ hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy --progress none 2>error || echo $? > code; } | head -n 1
cat code
grep -c 'standard output' error
