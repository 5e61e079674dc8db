# The command on this case: predict wrong shape.
"$BUILT_EXAMPLES/make_rows" 100 11 > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o out.npy --progress none
