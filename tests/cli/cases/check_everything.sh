# Every unsupported layer, operation and option at once, each with its place: nested, in wrappers, beside other faults.
cat > bad.json <<'EOF'
{"module": "keras", "class_name": "Sequential", "config": {"name": "outer", "layers": [
 {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 5, 8], "name": "x", "sparse": true}},
 {"module": "keras.layers", "class_name": "TimeDistributed", "config": {"name": "steps", "layer":
  {"module": "keras", "class_name": "Sequential", "config": {"name": "inner", "layers": [
   {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "square", "function": {"class_name": "__lambda__"}}},
   {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "mine", "colour": 7}}]}}}},
 {"module": "keras.layers", "class_name": "Bidirectional", "config": {"name": "both", "merge_mode": "xor", "layer":
  {"module": "keras.layers", "class_name": "LSTM", "config": {"name": "lstm", "units": 4, "peephole": true}}}},
 {"module": "keras.layers", "class_name": "RNN", "config": {"name": "rnn", "cell":
  {"module": "keras.layers", "class_name": "StackedRNNCells", "config": {"name": "cells", "reverse_state_order": true, "cells": [
   {"module": "my.cells", "class_name": "MyCell", "config": {"name": "a"}},
   {"module": "keras.layers", "class_name": "Dense", "config": {"name": "b", "units": 1}}]}}}},
 {"module": "keras.layers", "class_name": "TextVectorization", "config": {"name": "text", "vocabulary": ["a"], "ragged": true,
  "standardize": {"class_name": "function", "config": "mine"}, "words": 1}},
 {"module": "keras.src.ops.linalg", "class_name": "SVD", "config": {"name": "svd"}},
 {"module": "keras.layers", "class_name": "Dense", "config": {"name": "last", "units": 1, "dtype": "complex64"}}]}}
EOF
hornpipe check bad.json --weights "$EXAMPLES/breast_cancer_mlp.h5"
