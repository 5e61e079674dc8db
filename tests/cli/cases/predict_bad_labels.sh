# The command on this case: predict bad labels.
printf 'a\nb\n' > names
hornpipe predict "$EXAMPLES/digits_cnn.keras" "$EXAMPLES/data/digits_cnn_inputs.npy" --argmax --labels names -o out.csv --progress none
