# The command on this case: predict truncated input.
"$BUILT_EXAMPLES/make_rows" 100 10 | head -c 3000 > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o out.npy --progress none
