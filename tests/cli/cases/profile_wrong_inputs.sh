# Files must be as many as the model has inputs.
hornpipe profile "$EXAMPLES/mlp_10_64_64_1.keras" a.npy b.npy
