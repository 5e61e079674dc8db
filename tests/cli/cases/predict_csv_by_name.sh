# One csv for a model of several inputs: each takes the columns of its name, whatever their order; it is read once.
model="$EXAMPLES/../tests/data/nested_ends.keras"
cat > rows.csv <<'CSV'
id,right_2,right_1,right_0,note,left_0,left_1,left_2
a,6,5,4,"x, y",1,2,3
b,1,1,1,z,0,0,2
CSV
printf 'right_0,right_1,right_2\n4,5,6\n1,1,1\n' > right.csv
printf 'left_0,left_1,left_2\n1,2,3\n0,0,2\n' > left.csv
hornpipe predict $model left.csv right.csv --progress none > apart.csv
hornpipe predict $model rows.csv --progress none > together.csv
cmp apart.csv together.csv
hornpipe predict $model rows.csv --id-columns id --backend processes --progress none
cat rows.csv | hornpipe predict $model - --input-format csv --progress none > piped.csv
cmp piped.csv together.csv
hornpipe predict $model rows.csv --id-columns id --rows 1: --chunk-rows 1 --progress none
beside="$EXAMPLES/../tests/data/mask_beside_rows.keras"
printf 'input_layer_0,input_layer_1,input_layer_2,input_layer_1_0,input_layer_1_1,input_layer_1_2\n' | hornpipe predict $beside - --input-format csv || echo "exit $?"
hornpipe predict $model rows.csv --columns left_0 || echo "exit $?"
hornpipe predict $model left.csv || echo "exit $?"
