# csv in and out: header, id columns, chosen columns, missing values, an index column that is no input.
printf 'id,a,b,c,d,e,f,g,h,i,j,other\nx1,1,2,3,4,5,6,7,8,9,10,no\n"x,2",0,0,0,0,0,0,0,0,0,,no\n' > rows.csv
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.csv --id-columns id --columns a,b,2-9,j -o out.csv --progress none 2>error && exit 9
grep -q 'shape' error
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.csv --id-columns id --columns a,b,c,d,e,f,g,h,i,j --progress none
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.csv --id-columns id --columns a,b,c,d,e,f,g,h,i,j --threshold 0.5 -o out.tsv --progress none
cut -f1 out.tsv
