# argmax, the largest few, names for them.
digits="$EXAMPLES/data/digits_cnn_inputs.npy"
hornpipe predict "$EXAMPLES/digits_cnn.keras" "$digits" --argmax -o argmax.csv --progress none
printf 'zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n' > names
hornpipe predict "$EXAMPLES/digits_cnn.keras" "$digits" --argmax --labels names -o names.csv --progress none
hornpipe predict "$EXAMPLES/digits_cnn.keras" "$digits" --top-k 2 -o top.csv --progress none
wc -l < argmax.csv
paste -d, argmax.csv names.csv | tail -n +2 | sort -u | head -n 3
head -n 1 top.csv
tail -n +2 top.csv | cut -d, -f1 > first
tail -n +2 argmax.csv | cmp - first
