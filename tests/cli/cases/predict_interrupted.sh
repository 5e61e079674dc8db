# SIGTERM while rows still come: exit code 5, and nothing under the final name.
"$BUILT_EXAMPLES/make_rows" 3000000 10 > rows.npy
{
    head -c 4000128 rows.npy
    while head -c 40000 /dev/zero 2> /dev/null; do sleep 0.02; done
} | hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" - -o out.npy --progress none --chunk-rows 1000 &
job=$!
for _ in $(seq 1000); do [ -e out.npy.partial ] && break || sleep 0.02; done
kill -TERM $job
wait $job && code=0 || code=$?
test ! -e out.npy
exit $code
