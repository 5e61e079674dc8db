# Nothing that a run reads is replaced by what it writes, --force or not; nor one output by another.
"$BUILT_EXAMPLES/make_rows" 10 10 > rows.npy
cp "$EXAMPLES/mlp_10_64_64_1.keras" model.keras
ln -s rows.npy link.npy
ln rows.npy hard.npy
sha256sum rows.npy model.keras > sums
for output in rows.npy link.npy hard.npy ./rows.npy model.keras; do
    hornpipe predict model.keras rows.npy -o $output --output-format npy --force || echo "$output $?"
done
hornpipe predict model.keras rows.npy --weights link.npy -o hard.npy || echo "weights $?"
hornpipe predict model.keras rows.npy -o out.npy -o out.npy || echo "twice $?"
hornpipe predict model.keras rows.npy -o out.h5:/a -o out.h5:/b || echo "twice $?"
sha256sum --quiet -c sums
# A device is no file of the run's.
hornpipe predict model.keras rows.npy -o /dev/null --output-format raw --progress none
ls
