# The command on this case: predict inner layer.
"$BUILT_EXAMPLES/make_rows" 3 10 > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy --output-layer dense_2 -o out.npy --progress none
head -c 128 out.npy | grep -ao "'shape': (3, 64)"
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy --output-layer none_such -o out2.npy --progress none || echo "exit $?"
ls
