# What docs/scaling.md has a job array do: the parts, one behind the other, are the whole.
model=$EXAMPLES/digits_cnn.keras rows=$EXAMPLES/data/digits_cnn_inputs.npy
hornpipe predict "$model" "$rows" -o whole.raw --output-format raw --progress none
for part in 1 2 3 4 5; do
    hornpipe predict "$model" "$rows" -o part-$part.raw --output-format raw --progress none --resume --part $part/5
done
cat part-?.raw | cmp - whole.raw && echo the same
