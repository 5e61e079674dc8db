# The command on this case: predict zero rows.
printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 10), }" > rows.npy
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.npy -o out.npy --progress none
head -c 128 out.npy | tr -d '\0' | grep -ao "'shape': (0, 1)"
