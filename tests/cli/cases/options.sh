# Values of flags, the end of options, what excludes what, names with '=', and options that change how a model is computed.
MODEL="$EXAMPLES/mlp_10_64_64_1.keras" CNN="$EXAMPLES/digits_cnn.keras" OWN="$EXAMPLES/custom_layer.keras"
"$BUILT_EXAMPLES/make_rows" 10 10 > rows.npy
cp rows.npy ./a=b.npy
cp rows.npy ./--rows.npy
hornpipe predict "$MODEL" rows.npy --argmax=yes || echo "flag $?"
hornpipe predict "$MODEL" rows.npy --header --no-header || echo "header $?"
hornpipe predict "$MODEL" ./a=b.npy -o one.npy --progress none
hornpipe predict "$MODEL" -o two.npy --progress none -- --rows.npy
cmp one.npy two.npy
# One model that is not supported decides, wherever it stands; --quiet says nothing of the others.
for models in "$MODEL $OWN" "$OWN nothing" "nothing $OWN" "$MODEL nothing"; do
    hornpipe check -q $models 2> /dev/null || echo "check $?"
done
hornpipe check --quiet "$MODEL"
for command in inspect check; do hornpipe $command "$MODEL" > /dev/full || echo "full $?"; done
printf 'no\r\nyes\r\n' > labels.txt
hornpipe predict "$MODEL" rows.npy --rows 0:2 --threshold 0 --labels labels.txt --progress none
hornpipe profile "$CNN" --rows 4 --seconds 0.01 --json | grep -c Winograd
hornpipe profile "$CNN" --rows 4 --seconds 0.01 --json --prefer latency | grep -c Winograd || true
hornpipe profile "$CASES/../../data/any_features_mean.keras" --rows 2 --seconds 0.01 --json --unknown 7 | grep -o '"flops_per_row": [0-9]*'
# NaN is what it is in the reference too, and the largest values of a row are compared.
for row in nan,1,1,1,1,1,1,1,1,1 1,1,1,1,1,1,1,1,1,1; do echo $row; done > nan.csv
hornpipe predict "$MODEL" nan.csv -o nan.npy --progress none
hornpipe diff "$MODEL" nan.csv nan.npy
"$BUILT_EXAMPLES/make_rows" 450 10 > other.npy
hornpipe diff "$CNN" "$EXAMPLES/data/digits_cnn_inputs.npy" other.npy || echo "diff $?"
# Of many rows that fail, the first ones are told.
for row in $(seq 25); do echo $row,x,1,1,1,1,1,1,1,1; done > bad.csv
echo 1,1,1,1,1,1,1,1,1,1 >> bad.csv
hornpipe predict "$MODEL" bad.csv -o bad.npy --progress none --no-header --on-error nan || echo "rows $?"
