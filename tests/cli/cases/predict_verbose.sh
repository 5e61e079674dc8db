# What --verbose tells of the machine; the machine is one that hwloc is told of, where hwloc is there.
printf '1,2,3,4,5,6,7,8,9,10\n' >rows.csv
hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.csv -o one.npy -j 4 --verbose --progress none
HWLOC_SYNTHETIC="node:2 core:2 pu:1" hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.csv -o two.npy -j 4 --verbose --progress none
HWLOC_SYNTHETIC="node:2 core:2 pu:1" hornpipe predict "$EXAMPLES/mlp_10_64_64_1.keras" rows.csv -o three.npy -j 4 --backend processes --progress none
cmp one.npy two.npy
printf '1,2,3,4,5,6,7,8,9,10,11,12\n1,2,3,4,5,6,7,8,9,10,11,12\n' >steps.csv
hornpipe predict "$EXAMPLES/../tests/data/stateful_lstm.keras" steps.csv -o steps.npy -j 1 -v --progress none
hornpipe predict "$EXAMPLES/../tests/data/stateful_lstm.keras" steps.csv -o again.npy -j 1 -b 2 -v --progress none
cmp one.npy three.npy
