"""The columns of time stamps and groups of a table."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from isthmus.data import open_data
from isthmus.data.media import Recording
from isthmus.data.options import Options
from isthmus.data.timed import taken_aside, times_of
from isthmus.errors import DataError, Remark

HOURS = pd.date_range("2024-03-30 20:00", periods=40, freq="h", tz="Europe/Vienna")
EXPECTED = HOURS.tz_convert(None).to_numpy()


@pytest.mark.parametrize(
    ("cells", "zone"),
    [
        (pa.array(HOURS), "Europe/Vienna"),
        (HOURS.tz_convert("UTC").strftime("%Y-%m-%d %H:%M").tolist(), ""),
        (HOURS.map(lambda hour: hour.isoformat()).tolist(), "UTC"),
        (HOURS.tz_convert("UTC").strftime("%d.%m.%Y %H:%M").tolist(), ""),
        (pa.array(HOURS.tz_convert("UTC").strftime("%Y/%m/%d %H:%M:%S").tolist()).dictionary_encode(), ""),
    ],
    ids=["zone", "ISO", "ISO with zone", "German", "dictionary"],
)
def test_time_stamps_are_read(cells, zone):
    times, found = times_of(pa.chunked_array([pa.array(cells)]), "when", "it")
    assert found == zone
    assert np.array_equal(times, EXPECTED.astype("datetime64[ns]"))


def test_day_and_month_are_told_apart_by_the_order_of_the_rows():
    days = pd.date_range("2024-01-05", periods=6, freq="D").strftime("%d/%m/%Y").tolist()
    with pytest.warns(Remark, match="read as %d/%m/%Y"):
        times, _ = times_of(pa.chunked_array([days]), "day", "it")
    assert np.array_equal(np.diff(times), [np.timedelta64(1, "D")] * 5)


def test_what_is_no_time_stamp_is_named():
    with pytest.raises(DataError, match=r"'soon' in the column 'when' is no time stamp.*time="):
        times_of(pa.chunked_array([["2024-01-01", "2024-01-02", "soon"]]), "when", "it")
    with pytest.raises(DataError, match="of type bool: expected time stamps"):
        times_of(pa.chunked_array([[True, False]]), "when", "it")


@pytest.mark.parametrize(
    "column",
    [
        {"day": pd.date_range("2024", periods=100)},
        {"written": pd.date_range("2024", periods=100).strftime("%Y-%m-%d").tolist()},
        {"timestamp": np.arange(100) * 10 + 1_700_000_000},
    ],
    ids=["dates", "text", "numbers"],
)
def test_the_column_of_time_stamps_is_found(column):
    given = pd.DataFrame({"a": np.sin(np.arange(100))} | column)
    data = open_data(given, kind="series", window=10)
    assert isinstance(data.medium, Recording)
    assert (data.medium.time, data.medium.channels) == (next(iter(column)), ("a",))


def test_unix_seconds_are_not_rounded(tmp_path):
    seconds = np.arange(200) + 1_700_000_000
    pd.DataFrame({"t": seconds, "a": np.sin(seconds / 3)}).to_csv(tmp_path / "a.csv", index=False)
    data = open_data(tmp_path / "a.csv", kind="series", time="t", window=10)
    assert data.medium is not None
    assert data.medium.to_json()["spacing"] == 1.0
    assert data.train.names[0] == "a.csv@1700000000"


def test_a_missing_column_is_named():
    given = pd.DataFrame({"when": pd.date_range("2024", periods=30), "a": 1.0 * np.arange(30)})
    with pytest.raises(DataError, match=r"time='whn': the DataFrame has no such column\. Did you mean 'when'"):
        open_data(given, kind="series", time="whn")
    with pytest.raises(DataError, match=r"groups='whn': the DataFrame has no such column\. Did you mean 'when'"):
        open_data(given, kind="series", groups="whn")


def test_frames_of_polars_are_read_too():
    given = pl.DataFrame({"when": pd.date_range("2024", periods=100), "a": np.sin(np.arange(100.0))})
    assert open_data(given, kind="series", window=10).shape == (1, 10)


def test_plain_tables_keep_their_columns():
    given = pa.table({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    rest, aside, options = taken_aside(given, Options(), "it")
    assert (rest, aside, options) == (given, None, Options())
