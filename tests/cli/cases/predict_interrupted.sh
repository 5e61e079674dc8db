# SIGINT: exit code 5, and nothing under the final name.
"$BUILT_EXAMPLES/make_rows" 3000000 10 > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" - -o out.npy --progress none --chunk-rows 1000 < rows.npy &
job=$!
sleep 0.2
kill -TERM $job
wait $job && code=0 || code=$?
test ! -e out.npy
exit $code
