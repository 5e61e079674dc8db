# On standard error alone: json lines, or one line at the end.
"$BUILT_EXAMPLES/make_rows" 100 10 > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o out.npy --progress json
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o out.npy --force --verbose -j 2
