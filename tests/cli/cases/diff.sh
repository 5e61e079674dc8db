# The command on this case: diff.
hornpipe diff "$EXAMPLES/digits_cnn.keras" "$EXAMPLES/data/digits_cnn_inputs.npy" "$EXAMPLES/data/digits_cnn_keras.npy"
hornpipe diff "$EXAMPLES/digits_cnn.keras" "$EXAMPLES/data/digits_cnn_inputs.npy" "$EXAMPLES/data/digits_cnn_keras.npy" --json --rtol 1e-12 --atol 0
