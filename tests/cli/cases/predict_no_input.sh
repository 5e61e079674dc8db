# An input that is not there: one error, and nothing made.
code=0
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o out.npy || code=$?
ls
exit $code
