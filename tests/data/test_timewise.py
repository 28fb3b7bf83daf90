"""Recordings for a model: windows in pieces, and results back on the time axis."""

import numpy as np
import pandas as pd
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from isthmus.data import open_data
from isthmus.data.timewise import open_timewise
from isthmus.data.write import write_rows
from isthmus.errors import DataError

ROWS = 200


@pytest.fixture
def given():
    when = pd.date_range("2024-03-01", periods=ROWS, freq="min", tz="UTC")
    return pd.DataFrame({"when": when, "a": np.sin(np.arange(ROWS) / 5), "b": np.arange(ROWS) * 1.0})


@pytest.fixture
def description(given):
    return open_data(given, kind="series", window=20, step=8).description


def test_windows_in_pieces_joined_are_the_recording(given, description):
    found = open_timewise(given, description)
    assert found is not None
    assert [len(piece) for piece in found.stream(rows=10)] == [10, 10, 4]
    assert np.allclose(found.through(lambda piece: piece.tensor()), given[["a", "b"]], atol=1e-4)
    assert np.allclose(found.given(), given[["a", "b"]], atol=1e-4)


def test_rows_that_no_window_contains_are_empty(given, description):
    cut = given.drop(index=[*range(100, 110), *range(120, 140)])
    with pytest.warns(UserWarning, match="gap"):
        found = open_timewise(cut, description)
    assert found is not None
    made = found.through(lambda piece: piece.tensor())
    empty = np.isnan(made).all(1)
    assert cut["b"][empty].tolist() == [*range(110, 120)]
    assert np.allclose(made[~empty], cut[["a", "b"]][~empty], atol=1e-4)


def test_rows_in_any_order_keep_it(given, description):
    mixed = given.sample(frac=1, random_state=0)
    with pytest.warns(UserWarning, match="sorted"):
        found = open_timewise(mixed, description)
    assert found is not None
    made = found.through(lambda piece: piece.tensor())
    assert np.allclose(made, mixed[["a", "b"]], atol=1e-4)
    assert found.table(made)["when"].to_pylist() == [when.to_pydatetime() for when in mixed["when"]]


def test_windows_with_missing_numbers_are_left_out(given, description):
    given.loc[50, "b"] = np.nan
    found = open_timewise(given, description, missing="drop")
    assert found is not None
    made = found.through(lambda piece: piece.tensor())
    assert np.isnan(made[50]).all()
    assert np.isfinite(made[0]).all()


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet", "a.npy", "a.npz"])
def test_rows_are_written_with_their_time_stamps(tmp_path, given, description, name):
    found = open_timewise(given, description)
    assert found is not None
    table = found.table(found.given())
    write_rows(tmp_path / name, table)
    if name.endswith("y"):
        assert np.allclose(np.load(tmp_path / name), given[["a", "b"]], atol=1e-4)
    elif name in ("a.csv", "a.parquet"):
        read = pq.read_table(tmp_path / name) if name == "a.parquet" else arrow_csv.read_csv(tmp_path / name)
        assert read.column_names == ["when", "a", "b"]
        assert read["when"].to_pylist() == [when.to_pydatetime() for when in given["when"]]
    with pytest.raises(DataError, match="exists already"):
        write_rows(tmp_path / name, table)


def test_rows_are_not_written_as_pictures(tmp_path, given, description):
    found = open_timewise(given, description)
    assert found is not None
    with pytest.raises(DataError, match=r"written as \.csv, \.tsv, \.parquet, .* or \.npy"):
        write_rows(tmp_path / "a.png", found.table(found.given()))


def test_other_models_and_windows_are_left_alone(given, description):
    assert open_timewise(given, open_data(given[["a", "b"]]).description) is None
    windows = open_data(given, kind="series", window=20, step=8).test
    assert open_timewise(windows, description) is None
    assert open_timewise(windows.tensor().numpy(), description) is None
