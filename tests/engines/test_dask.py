"""A run on the partitions of a Dask frame."""

import dask.dataframe as dd
import pandas as pd
import pytest

import isthmus as ist
from isthmus.errors import DataError


def test_results_have_the_rows_the_order_and_the_index_of_the_frame(run, rows):
    rows = rows.set_index(rows["key"] * 2).astype({"colour": "category"})
    for use in ("encode", "reconstruct", "fill", "detect"):
        made = ist.dask.map(run, dd.from_pandas(rows, npartitions=3), use, keep="key")
        found = made.compute(scheduler="synchronous")
        assert found.index.equals(rows.index)
        assert found["key"].equals(rows["key"])
        pd.testing.assert_series_equal(made.dtypes.astype(str), found.dtypes.astype(str))
        if use == "encode":
            pd.testing.assert_frame_equal(found.drop(columns="key"), run.encode(rows.drop(columns="key")))


def test_compressed_batches_are_rows(run, rows):
    made = ist.dask.map(run, dd.from_pandas(rows, npartitions=2), "compress", keep="key", max_error=0.01).compute()
    assert made["rows"].tolist() == [30, 30]
    assert [len(keys) for keys in made["key"]] == [30, 30]


def test_another_frame_is_refused(run, rows):
    with pytest.raises(DataError, match="Got a value of type DataFrame: expected a Dask DataFrame"):
        ist.dask.map(run, rows)
