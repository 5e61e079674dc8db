# Several models; every reason of one that is not supported.
printf '{"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": [{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 4], "name": "i"}}, {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "first"}}, {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": 3, "colour": "red"}}]}}' > bad.json
hornpipe check "$EXAMPLES/digits_cnn.keras" "$EXAMPLES/breast_cancer_mlp.h5" | sed "s|$EXAMPLES/||"
hornpipe check -q "$EXAMPLES/digits_cnn.keras"
hornpipe check bad.json --weights "$EXAMPLES/breast_cancer_mlp.h5" && exit 9
hornpipe check bad.json --weights "$EXAMPLES/breast_cancer_mlp.h5" 2>/dev/null || echo "exit $?"
