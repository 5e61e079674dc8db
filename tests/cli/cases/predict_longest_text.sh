# Rows as long as the longest text, where the first chunk tells how long; a later chunk of another length is an error.
printf 'text\nthe cat\nthe dog and the cat\ncat\n' > texts.csv
hornpipe predict "$CASES/../../data/longest_text.keras" texts.csv --header -o - --output-format csv --progress none
hornpipe predict "$CASES/../../data/longest_text.keras" texts.csv --header --chunk-rows 1 --batch-size 1 -o words.npy --progress none || echo "exit $?"
test ! -e words.npy
printf 'text\n' > none.csv
hornpipe predict "$CASES/../../data/longest_text.keras" none.csv --header -o - --output-format csv --progress none
