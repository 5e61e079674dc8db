# An integer that a lookup without a place for unknown ones doesn't know: the row is named, and nothing is written.
printf 'a,b\n10,20\n30,30\n20,40\n' > codes.csv
hornpipe predict "$CASES/../../data/strict_lookup.keras" codes.csv -o out.npy --progress none
