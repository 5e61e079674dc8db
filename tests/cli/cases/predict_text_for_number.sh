# The command on this case: predict text for number.
printf 'a,b,c,d,e,f,g,h,i,j\n1,2,3,4,5,6,7,8,9,10\n1,2,3,4,five,6,7,8,9,10\n' > rows.csv
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.csv -o out.csv --progress none
