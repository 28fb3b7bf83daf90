"""Sources that training streams: opened, they are the same as in memory."""

import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from isthmus.data import larger, open_data, reopen
from isthmus.data.blocks import Blocks
from isthmus.data.readers import parquet_blocks
from isthmus.errors import DataError, Remark


def table(rows, seed=0):
    rng = np.random.default_rng(seed)
    days = np.datetime64("2024-01-01", "us") + rng.integers(0, 400 * 86400, rows).astype("m8[s]")
    return pa.table(
        {
            "height": rng.normal(size=rows).astype(np.float32),
            "wide": rng.normal(size=rows).astype(np.float32) + 50,
            "count": rng.integers(0, 9, rows),
            "kind": rng.choice(["oak", "fir", "elm"], rows),
            "seen": days,
            "yes": rng.random(rows) < 0.5,
            "class": rng.choice(["u", "v"], rows),
        }
    )


def shards(folder, rows=700, files=3):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        pq.write_table(table(rows, number), folder / f"part-{number}.parquet", row_group_size=300)
    return folder


def alike(one, other):
    """Whether data in memory and streamed ones agree in all that is not the way of reading."""
    before, after = (dict(data.description) for data in (one, other))
    for said in (before, after):
        said["options"] = {name: value for name, value in said["options"].items() if name != "stream"}
    assert after == before
    for name, part in one.parts.items():
        assert torch.allclose(other.parts[name].tensor(), part.tensor(), rtol=0, atol=0, equal_nan=True)
        assert part.labels is None or torch.equal(other.parts[name].labels, part.labels)
    assert isinstance(other.train.values, Blocks)


def test_shards_open_as_in_memory(tmp_path):
    folder = shards(tmp_path / "box")
    words: Any = {"label": "class", "exclude": "count"}
    alike(open_data(folder, stream=False, **words), streamed := open_data(folder, stream=True, **words))
    assert isinstance(streamed.validation.values, torch.Tensor)  # a small part isn't read in every epoch
    assert reopen(streamed.description).train.layout is not None


def test_one_file_opens_as_in_memory(tmp_path):
    pq.write_table(table(500), tmp_path / "x.parquet", row_group_size=200)
    alike(*(open_data(tmp_path / "x.parquet", stream=stream, shuffle_bytes=100_000) for stream in (False, True)))


def test_a_folder_of_arrays_is_one_table_and_is_mixed_across_its_files(tmp_path):
    rng = np.random.default_rng(0)
    for name, rows in (("train/0", 300), ("train/1", 0), ("train/2", 170), ("train/10", 90), ("test/0", 40)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(rows, 5)).astype(np.float16))
    words: Any = {"kind": "table", "validation": 0, "shuffle_bytes": 20 * 160}
    alike(open_data(tmp_path, stream=False, **words), streamed := open_data(tmp_path, stream=True, **words))
    assert streamed.train.layout is not None
    order = streamed.train.layout.order(None, seed=1)
    assert sorted(order[0:560].tolist()) == list(range(560))
    first = order[: order.ends[0]].numpy()
    assert {0, 1, 2} == set(np.searchsorted([300, 470], first, "right").tolist()), "the first window has all files"
    np.save(tmp_path / "train" / "2.npy", np.zeros((9, 5), np.float16))
    with pytest.raises(DataError, match="changed since"):
        streamed.train.batch(torch.arange(300, 310))
    np.save(tmp_path / "train" / "2.npy", np.zeros((9, 4), np.float16))
    for stream in (False, True):
        with pytest.raises(DataError, match="4 columns"):
            open_data(tmp_path, stream=stream, **words)


def test_parts_and_partitions_open_as_in_memory(tmp_path):
    shards(tmp_path / "box" / "train" / "year=2023")
    shards(tmp_path / "box" / "train" / "year=2024", files=2)
    shards(tmp_path / "box" / "test" / "year=2023", rows=100, files=1)
    data = [open_data(tmp_path / "box", stream=stream) for stream in (False, True)]
    alike(*data)
    assert "year" in data[1].columns
    assert len(data[1].test) == 100


@pytest.mark.parametrize("missing", ["fill", "keep", "drop"])
def test_missing_values_are_treated_as_in_memory(tmp_path, missing):
    whole = table(900)
    holes = np.random.default_rng(1).random(900) < 0.1
    for name in ("height", "kind"):
        column = pa.array(whole[name].to_pylist(), mask=holes)
        whole = whole.set_column(whole.column_names.index(name), name, column)
    pq.write_table(whole, tmp_path / "x.parquet", row_group_size=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        words = {"missing": missing, "shuffle_bytes": 100_000}
        alike(*(open_data(tmp_path / "x.parquet", stream=stream, **words) for stream in (False, True)))


def test_a_missing_value_is_refused_as_in_memory(tmp_path):
    pq.write_table(pa.table({"a": [1.0, 2.0, None, 4.0], "b": [1.0, 2.0, 3.0, 5.0]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="NaN or infinite values in 1 of 4 samples"):
        open_data(tmp_path / "x.parquet", stream=True)


def test_names_and_bounds_come_from_all_rows_and_kinds_from_some(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_blocks, "SAMPLE", 64)
    monkeypatch.setattr(parquet_blocks, "PLACES", 2)
    kinds = ["a", "b"] * 100 + ["0late"] * 100
    values = [*np.arange(299) % 7 + 1.0, -3.0]
    whole = pa.table({"kind": kinds, "size": values, "other": np.arange(300) % 5 / 2 + 0.25, "label": kinds})
    pq.write_table(whole, tmp_path / "x.parquet", row_group_size=100)
    data = open_data(tmp_path / "x.parquet", stream=True, label="label")
    assert data.train.categories[0] == ("0late", "a", "b")
    assert data.label_names == ("0late", "a", "b")
    assert data.train.schema is not None
    assert [column.lower for column in data.train.schema.used] == [None, None, 0.0]


def test_a_column_of_too_many_names_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_blocks, "SAMPLE", 64)
    names = ["a", "b"] * 1000 + [f"n{number}" for number in range(2000)]
    whole = pa.table({"kind": names, "size": np.arange(4000) % 7 / 3})
    pq.write_table(whole, tmp_path / "x.parquet", row_group_size=2000)
    with pytest.warns(Remark, match="left out 'kind' \\(2,002 different names\\)"):
        data = open_data(tmp_path / "x.parquet", stream=True)
    assert data.columns == ("size",)


def test_opening_reads_each_block_twice_at_most(tmp_path, monkeypatch):
    pq.write_table(table(900), tmp_path / "x.parquet", row_group_size=100)
    monkeypatch.setattr(larger, "HELD", 0)
    monkeypatch.setattr("isthmus.data.describe.HASHED_WHOLE", 0)
    made, read = Blocks.__init__, []

    def counted(blocks, starts, shape, dtype, reading, *more, **words):
        made(blocks, starts, shape, dtype, lambda number: read.append(number) or reading(number), *more, **words)

    monkeypatch.setattr(Blocks, "__init__", counted)
    data = open_data(tmp_path / "x.parquet", stream=True, shuffle_bytes=16 * 4000, validation=0, test=0)
    assert data.train.layout is not None
    assert np.bincount(read).max() <= 2 < len(data.train.layout.groups)


def test_what_needs_too_much_memory_is_streamed_and_stays_so(tmp_path, monkeypatch):
    path = shards(tmp_path / "box")
    monkeypatch.setattr(larger, "available", lambda: 50_000)
    with pytest.warns(Remark, match=r"box needs 0\.0 GB in memory, and 0\.0 GB are free\. So it is streamed"):
        data = open_data(path)
    assert data.train.layout is not None
    monkeypatch.undo()
    assert open_data(path).train.layout is None
    assert reopen(data.description).train.layout is not None
    with pytest.warns(Remark, match="and max_bytes=40000 are allowed. So it is streamed"):
        assert open_data(path, max_bytes=40_000).train.layout is not None
    with pytest.raises(DataError, match="2,100 rows, whose numbers alone need 33600 bytes"):
        open_data(path, max_bytes=20_000, stream=True)


@pytest.mark.parametrize("words", [{"kind": "series"}, {"groups": "kind"}, {"labels": np.zeros(20)}])
def test_what_cannot_be_streamed_is_refused(tmp_path, words):
    pq.write_table(table(20), tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,5\n")
    source = np.zeros((20, 3)) if "labels" in words else tmp_path / "x.parquet"
    with pytest.raises(DataError, match="can't be streamed: expected Parquet"):
        open_data(source, stream=True, **words)
    with pytest.raises(DataError, match=r"x\.csv can't be streamed"):
        open_data(tmp_path / "x.csv", stream=True)


def test_shards_of_other_columns_are_refused(tmp_path):
    folder = shards(tmp_path / "box")
    pq.write_table(table(20).drop_columns("kind"), folder / "part-9.parquet")
    with pytest.raises(DataError, match=r"part-9\.parquet has other columns than .*part-0\.parquet \('kind'\)"):
        open_data(folder, stream=True)


def test_an_array_on_disk_is_streamed_in_blocks(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32))
    whole = open_data(tmp_path / "x.npy")
    data = open_data(tmp_path / "x.npy", stream=True, shuffle_bytes=64 * 32)
    assert isinstance(data.train.values, np.memmap)
    assert data.train.layout is not None
    assert len(data.train.layout.groups) > 100
    assert torch.equal(data.train.tensor(), whole.train.tensor())
    assert data.description["scaling"] == whole.description["scaling"]
    monkeypatch.setattr(larger, "available", lambda: 10_000)
    assert open_data(tmp_path / "x.npy", memory_map=True).train.layout is not None
    assert open_data(tmp_path / "x.npy", memory_map=True, stream=False).train.layout is None


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(24):
        path = tmp_path / "box" / ("cats" if number % 2 else "dogs") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (6, 5), np.uint8)).save(path)
    return tmp_path / "box"


def test_a_folder_of_pictures_opens_as_in_memory(pictures, monkeypatch):
    data = [open_data(pictures, stream=stream, shuffle_bytes=200) for stream in (False, True)]
    alike(*data)
    assert data[1].train.layout is not None
    assert data[1].train.layout.window == 200 // 30
    monkeypatch.setattr(larger, "available", lambda: 100)
    with pytest.warns(Remark, match="So it is streamed"):
        assert open_data(pictures).train.layout is not None


def test_a_picture_that_does_not_fit_is_named_when_it_is_read(pictures):
    data = open_data(pictures, stream=True, validation=0, test=0)
    (pictures / "cats" / "3.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"cats/3\.png can't be read as a picture.*isthmus resume"):
        data.train.tensor()
