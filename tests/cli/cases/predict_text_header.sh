# Where all columns are text, the input's name tells a header; a line alone is a row.
model="$EXAMPLES/../tests/data/longest_text.keras"
printf 'text\nthe cat\nthe dog\n' | hornpipe predict $model - --input-format csv --progress none
printf 'id,text\na,the cat\nb,the dog\n' | hornpipe predict $model - --input-format csv --id-columns id --no-header --progress none || echo "exit $?"
printf 'the cat\n' | hornpipe predict $model - --input-format csv --progress none
printf 'words\nthe cat\n' | hornpipe predict $model - --input-format csv --progress none | wc -l
printf 'words\nthe cat\n' | hornpipe predict $model - --input-format csv --header --progress none | wc -l
# One value has no largest; an environment variable that names no instruction set.
"$BUILT_EXAMPLES/make_rows" 3 10 > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy --argmax || echo "exit $?"
HORNPIPE_ISA=none hornpipe inspect "$EXAMPLES/mlp_10_64_64_1.keras" || echo "exit $?"
