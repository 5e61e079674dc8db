# The command on this case: predict disk full.
"$BUILT_EXAMPLES/make_rows" 100000 10 > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy --progress none > /dev/full
