# A finished output is replaced with --force only.
"$BUILT_EXAMPLES/make_rows" 10 10 > rows.npy
echo mine > out.npy
code=0
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o out.npy --progress none || code=$?
cat out.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o out.npy --progress none --force
head -c 6 out.npy | tail -c 5
exit $code
