"""Tables and stored arrays: pandas, polars, Arrow, Parquet, HDF5, zarr."""
import h5py
import numpy as np
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest
import zarr

NAMES = [f"feature_{i}" for i in range(10)]


def test_pandas(mlp, rows, whole):
    frame = pandas.DataFrame(rows, columns=NAMES)
    assert mlp.predict(frame).tobytes() == whole
    assert mlp.predict(frame.astype("Float32")).tobytes() == whole
    assert mlp.predict(frame.astype("float32[pyarrow]")).tobytes() == whole
    frame.insert(0, "id", range(len(frame)))
    assert mlp.predict(frame[NAMES]).tobytes() == whole
    frame = pandas.DataFrame({name: rows[:, i].astype("f8" if i % 2 else "f4") for i, name in enumerate(NAMES)})
    assert mlp.predict(frame).tobytes() == whole
    frame["feature_1"] = frame["feature_1"].astype("category")
    assert mlp.predict(frame).tobytes() == whole
    for other in (object(), "x", pandas.Timestamp(0)):
        with pytest.raises(TypeError, match="column 'feature_3' holds .*, other columns numbers"):
            mlp.predict(frame.assign(feature_3=other))
    with pytest.raises(TypeError, match=r"float.* at element 0.*astype"):
        mlp.predict(frame.astype(object))


def test_pandas_columns_feed_inputs_by_name(nested):
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    frame = pandas.DataFrame({"left": list(x), "right": list(x), "id": range(4)})
    assert nested.predict(frame)["sum"].tobytes() == nested.predict([x, x])["sum"].tobytes()
    with pytest.raises(KeyError, match="'right'"):
        nested.predict(frame[["left", "id"]])


def test_polars(mlp, nested, rows, whole):
    frame = polars.from_numpy(rows, schema=NAMES)
    assert mlp.predict(frame).tobytes() == whole
    assert mlp.predict(frame.lazy().select(NAMES)).tobytes() == whole
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    columns = polars.DataFrame({"right": x, "left": x}, schema={n: polars.Array(polars.Float32, 3) for n in ("right", "left")})
    assert nested.predict(columns)["sum"].tobytes() == nested.predict([x, x])["sum"].tobytes()


def test_arrow(mlp, nested, rows, whole):
    table = pyarrow.table({name: rows[:, i] for i, name in enumerate(NAMES)})
    assert mlp.predict(table).tobytes() == whole
    assert mlp.predict(table.to_batches()[0]).tobytes() == whole
    assert mlp.predict(table.to_reader(max_chunksize=500)).tobytes() == whole
    assert mlp.predict(pyarrow.FixedSizeListArray.from_arrays(rows.reshape(-1), 10)).tobytes() == whole
    assert np.concatenate(list(mlp.predict_iter(table.to_batches(max_chunksize=700)))).tobytes() == whole

    class Foreign:
        """A table of a library that nobody has heard of."""

        def __arrow_c_stream__(self, requested_schema=None):
            return table.__arrow_c_stream__(requested_schema)

    assert mlp.predict(Foreign()).tobytes() == whole
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    lists = pyarrow.table({"left": pyarrow.array(x.tolist(), pyarrow.list_(pyarrow.float32())), "right": x.tolist(), "id": range(4)})
    assert nested.predict(lists)["sum"].tobytes() == nested.predict([x, x])["sum"].tobytes()
    with pytest.raises(ValueError, match="different lengths"):
        nested.predict(lists.set_column(0, "left", pyarrow.array([[1.0], [2.0, 3.0], [], [1.0]])))


def test_parquet(mlp, rows, whole, tmp_path):
    pandas.DataFrame(rows, columns=NAMES).assign(id=0).to_parquet(tmp_path / "rows.parquet", row_group_size=400)
    file = pyarrow.parquet.ParquetFile(tmp_path / "rows.parquet")
    assert mlp.predict(file.iter_batches(columns=NAMES, batch_size=256)).tobytes() == whole
    assert mlp.predict(polars.scan_parquet(tmp_path / "rows.parquet").select(NAMES)).tobytes() == whole


def test_hdf5_and_zarr(mlp, rows, whole, tmp_path):
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        chunked = file.create_dataset("chunked", data=rows, chunks=(300, 10), compression="gzip")
        assert mlp.predict(chunked).tobytes() == whole
        assert mlp.predict(file.create_dataset("plain", data=rows.astype("f8"))).tobytes() == whole
        assert mlp.predict({"rows": chunked}).tobytes() == whole
    stored = zarr.array(rows, chunks=(512, 10))
    assert mlp.predict(stored).tobytes() == whole
