# The C programs of examples/, built with hornpipe.h and the library alone.
"$BUILT_EXAMPLES/simple" "$EXAMPLES/mlp_10_64_64_1.keras"
"$BUILT_EXAMPLES/many_calls" "$EXAMPLES/mlp_10_64_64_1.keras" 1000
"$BUILT_EXAMPLES/make_rows" 50 10 > rows.npy
"$BUILT_EXAMPLES/files" "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy out.npy
hornpipe diff "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy out.npy > /dev/null
"$BUILT_EXAMPLES/simple" no_such.keras || echo "exit $?"
"$BUILT_EXAMPLES/custom_layer" "$EXAMPLES/custom_layer.keras"
hornpipe check "$EXAMPLES/custom_layer.keras" || echo "exit $?"
