# What cannot be read by its name is told by its first bytes, where that helps.
printf 'PAR1....' > rows.parquet
echo 1,2 | gzip > rows.csv.gz
printf '\050\265\057\375....' > rows.csv.zst
echo 1,2 > rows.txt
for file in rows.*; do hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" $file -o out.npy || echo "$file $?"; done
