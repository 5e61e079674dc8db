# The command on this case: bench.
hornpipe bench "$EXAMPLES/mlp_10_64_64_1.keras" --rows 64 -j 1 --seconds 0.02
hornpipe bench "$EXAMPLES/mlp_10_64_64_1.keras" --rows 64 --seconds 0.02 --json | grep -c '"rows": 64'
