# SIGHUP (the terminal is closed) ends a run as SIGTERM does; under nohup, which has it ignored, it does nothing.
"$BUILT_EXAMPLES/make_rows" 3000000 10 > rows.npy
slowly() {
    head -c 4000128 rows.npy
    for _ in $(seq $1); do head -c 40000 /dev/zero 2> /dev/null || return 0; sleep 0.02; done
}
begun() { # the run that writes to $1 has caught its signals
    for _ in $(seq 1000); do [ -e $1.partial ] && return 0 || sleep 0.02; done
    return 1
}
(trap '' HUP; slowly 30; tail -c +5200129 rows.npy) | (
    trap '' HUP
    exec hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" - -o ignored.npy --progress none --chunk-rows 1000
) &
job=$!
begun ignored.npy
kill -HUP $job
wait $job || echo "ended by what it ignores: $?"
test -s ignored.npy || echo "nothing was written"
rm -f ignored.npy
# These tests may themselves run under nohup.
slowly 1000 | env --default-signal=HUP hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" - -o out.npy --progress none \
    --chunk-rows 1000 &
job=$!
begun out.npy
kill -HUP $job
wait $job && code=0 || code=$?
test ! -e out.npy
exit $code
