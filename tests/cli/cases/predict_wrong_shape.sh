# The command on this case: predict wrong shape.
"$BUILT_EXAMPLES/make_rows" 100 11 > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o out.npy --progress none || true
# What may be the matter, where that can be told: columns, separators, and inputs that are not there.
csv() { printf '%s\n' a,b,c,d,e,f,g,h,i,j,k 0,1,2,3,4,5,6,7,8,9,10; }
csv > wide.csv
csv | tr , ';' > semicolons.csv
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" wide.csv || true
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" semicolons.csv || true
hornpipe diff "$EXAMPLES/mlp_10_64_64_1.keras" columns=rows.npy rows.npy || true
hornpipe diff "$EXAMPLES/mlp_10_64_64_1.keras" rows=rows.npy rows.npy
