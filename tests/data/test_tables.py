import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus.data import open_data, read_samples
from isthmus.errors import DataError, Remark

COLUMNS = {
    "length": [1.5, 2.5, 3.5, 4.5],
    "count": [1, 2, 3, 5],
    "sold": [True, False, True, False],
    "place": ["Rome", "Oslo", "Rome", "Bern"],
}
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_tables_of_every_library_read_the_same(make):
    samples = read_samples(make(COLUMNS), label="place")
    assert samples.columns == ("length", "count", "sold")
    assert samples.dtype == "float32"
    assert samples.tensor().tolist() == [[1.5, 1, 1], [2.5, 2, 0], [3.5, 3, 1], [4.5, 5, 0]]
    assert samples.label_names == ("Bern", "Oslo", "Rome")
    assert samples.labels is not None
    assert samples.labels.tolist() == [2, 1, 2, 0]


def test_many_rows_of_any_types_come_in_their_places(monkeypatch):
    monkeypatch.setattr("isthmus.data.tables.BATCH", 500)
    floats = np.random.default_rng(0).normal(size=1_234).astype(np.float32)
    floats[700] = np.nan
    there = pa.table(
        {
            "float": floats,
            "place": pa.array(["Rome", "Oslo"] * 617).dictionary_encode(),
            "whole": pa.array([None if i == 5 else i for i in range(1_234)]),
            "coded": pa.array(np.arange(1_234) % 7).dictionary_encode(),
            "double": floats.astype(np.float64) * 2,
        }
    )
    parts = pa.concat_tables([there.slice(0, 321), there.slice(321)])
    values = read_samples(parts, missing="keep", categorical=("place",)).tensor().numpy()
    whole = np.where(np.arange(1_234) == 5, np.nan, np.arange(1_234))
    expected = np.stack([floats, np.arange(1, 1_235) % 2, whole, np.arange(1_234) % 7, 2 * floats], 1)
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_table_may_have_categories_alone():
    samples = read_samples(
        pa.table({"place": ["Rome", "Oslo", "Rome"], "dry": [True, True, False]}), categorical="auto"
    )
    assert samples.tensor().tolist() == [[1, 1], [0, 1], [1, 0]]


def test_numbers_of_every_type_come_as_float32():
    types = (pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.decimal128(5, 1), pa.bool_())
    columns = {str(kind): pa.array([0.0, 1.0, None], pa.float64()).cast(kind) for kind in types}
    samples = read_samples(pa.table(columns | {"there": [7, 8, 9]}), missing="keep")
    expected = np.array([[0.0], [1.0], [np.nan]]) * np.ones(len(types))
    assert samples.dtype == "float32"
    np.testing.assert_array_equal(samples.tensor().numpy(), np.column_stack([expected, [7, 8, 9]]))


def test_columns_without_any_value_are_left_out():
    table = pa.table({"empty": pa.nulls(3), "blank": ["", "", ""], "there": [7, 8, 9]})
    with pytest.warns(Remark, match=r"'empty' \(no value in any row\), 'blank' \(no value"):
        assert read_samples(table).columns == ("there",)


def test_index_of_pandas_is_no_column(tmp_path):
    frame = pd.DataFrame(COLUMNS, index=[7, 8, 9, 11]).drop(columns="place")
    frame.to_parquet(tmp_path / "x.parquet")
    named = frame.rename_axis("number")
    for source in (frame, named, tmp_path / "x.parquet"):
        assert read_samples(source).columns == ("length", "count", "sold")


def test_rows_of_series_must_be_numbers_and_the_way_out_is_named():
    with pytest.raises(DataError, match=r"'place' \(text, such as 'Rome' in row 0, .*exclude='place'.*label="):
        open_data(pd.DataFrame(COLUMNS), kind="series")


def test_example_of_a_text_column_is_what_is_no_number():
    with pytest.raises(DataError, match="such as 'unknown'"):
        open_data(pd.DataFrame({"age": ["12", "unknown", "17"], "size": [1, 2, 3]}), kind="series")


def test_columns_can_be_chosen_and_left_out():
    frame = pd.DataFrame(COLUMNS)
    assert read_samples(frame, columns=["count", "length"]).columns == ("count", "length")
    assert read_samples(frame, exclude="place,sold").columns == ("length", "count")


@pytest.mark.parametrize("option", ["columns", "exclude", "label"])
def test_unknown_columns_offer_the_nearest(option):
    words: dict = {option: "lenght"}
    with pytest.raises(DataError, match=f"{option}='lenght'.*'length'"):
        open_data(pd.DataFrame(COLUMNS), **words)


def test_no_column_left_is_refused():
    with pytest.raises(DataError, match="no columns left"):
        open_data(pd.DataFrame({"a": [1, 2, 3]}), exclude="a")


def test_categories_of_pandas_are_labels():
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "c": pd.Categorical(["u", "v", "u", "v"])})
    assert read_samples(frame, label="c").label_names == ("u", "v")


def test_missing_entries_are_named():
    with pytest.raises(DataError, match="column 'b'"):
        open_data(pl.DataFrame({"a": [1, 2, 3], "b": [1, None, 3]}))


def test_doubled_columns_are_refused():
    doubled = pa.Table.from_arrays([pa.array([1, 2]), pa.array([3, 4])], names=["a", "a"])
    with pytest.raises(DataError, match="several columns named 'a'"):
        open_data(doubled)


def test_no_rows_are_refused():
    with pytest.raises(DataError, match="0 rows"):
        open_data(pd.DataFrame({"a": np.array([], float)}))


def test_something_that_is_no_table_is_refused():
    class Broken:
        def __arrow_c_stream__(self, requested_schema=None):
            raise ValueError("no columns")

    with pytest.raises(DataError, match="not a table"):
        open_data(Broken())


def test_columns_of_a_model_are_found_by_name_in_any_order():
    frame = pd.DataFrame(COLUMNS)
    like = open_data(frame, label="place", scaling="none").description
    with pytest.warns(Remark, match="'noise'.*ignored"):
        samples = read_samples(frame[["sold", "count", "length"]].assign(noise="text"), like=like)
    assert samples.columns == ("length", "count", "sold")
    assert samples.tensor()[3].tolist() == [4.5, 5, 0]
    assert samples.labels is None


def test_missing_columns_of_a_model_are_named():
    frame = pd.DataFrame(COLUMNS)
    like = open_data(frame, exclude="place", scaling="none").description
    with pytest.raises(DataError, match="lacks the columns 'length', 'sold'"):
        read_samples(frame[["count", "place"]], like=like)
    with pytest.raises(DataError, match=r"Is 'Sold' meant to be 'sold'\? Add or rename them\."):
        read_samples(frame.rename(columns={"sold": "Sold"}), like=like)


def test_columns_left_out_in_training_are_ignored_in_silence():
    frame = pd.DataFrame(COLUMNS)
    like = open_data(frame, exclude="place", scaling="none").description
    assert read_samples(frame, like=like).shape == (3,)


def test_parquet_reads_as_the_table_does(tmp_path):
    pq.write_table(pa.table(COLUMNS), tmp_path / "x.parquet")
    assert read_samples(tmp_path / "x.parquet", label="place").tensor().tolist()[1] == [2.5, 2, 0]


@pytest.mark.parametrize("keep", [3, 50, -1])
def test_truncated_parquet_is_refused(tmp_path, keep):
    pq.write_table(pa.table(COLUMNS), tmp_path / "x.parquet")
    (tmp_path / "x.parquet").write_bytes((tmp_path / "x.parquet").read_bytes()[:keep])
    with pytest.raises(DataError, match="damaged"):
        open_data(tmp_path / "x.parquet")


def test_parquet_with_damaged_pages_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    pq.write_table(pa.table({"a": rng.random(1000)}), tmp_path / "x.parquet")
    content = bytearray((tmp_path / "x.parquet").read_bytes())
    content[4:60] = bytes(56)
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        open_data(tmp_path / "x.parquet")


def test_parquet_bomb_is_refused(tmp_path):
    pq.write_table(pa.table({"a": np.zeros(100_000)}), tmp_path / "x.parquet")
    assert (tmp_path / "x.parquet").stat().st_size < 10_000
    with pytest.raises(DataError, match="max_bytes"):
        open_data(tmp_path / "x.parquet", max_bytes=100_000)
