# The command on this case: inspect.
hornpipe inspect "$EXAMPLES/mlp_10_64_64_1.keras"
hornpipe inspect "$EXAMPLES/mlp_10_64_64_1.keras" --json | grep -o '"parameters": 4929'
