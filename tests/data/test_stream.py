"""Streams: pieces that are together what reading at once gives, for every format, and what is wrong on the way."""

import threading

import numpy as np
import pyarrow as pa
import pytest
import torch

from isthmus.data import open_data, open_writer, read_samples, stream_samples, write_samples
from isthmus.errors import DataError, Remark

NUMBERS = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)


def together(stream):
    pieces = list(stream)
    return torch.cat([piece.tensor() for piece in pieces]), tuple(name for piece in pieces for name in piece.names)


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".csv", ".tsv", ".npz", ".txt"])
def test_pieces_of_a_table_are_what_reading_at_once_gives(tmp_path, suffix):
    path = write_samples(tmp_path / f"x{suffix}", NUMBERS)
    stream = stream_samples(path, rows=70)
    values, _ = together(stream)
    assert torch.equal(values, read_samples(path).tensor())
    assert torch.equal(together(stream)[0], values)  # and again from the start
    assert stream.count in (1000, None)


@pytest.mark.parametrize(("bytes_", "most", "expected"), [(1200, 1000, 100), (2**20, 30, 30), (4, 1000, 1)])
def test_pieces_have_so_many_bytes_and_so_many_rows_at_most(tmp_path, monkeypatch, bytes_, most, expected):
    monkeypatch.setattr("isthmus.data.stream.SMALL", 0)
    monkeypatch.setattr("isthmus.data.stream.PIECE", bytes_)
    monkeypatch.setattr("isthmus.data.stream.MOST", most)
    path = write_samples(tmp_path / "x.npy", NUMBERS[:200])
    like = open_data(NUMBERS[:200]).description
    assert [len(piece) for piece in stream_samples(path, like=like)][:-1] == [expected] * (-(-200 // expected) - 1)


@pytest.mark.parametrize("suffix", [".zip", ""])
def test_pieces_of_pictures_have_their_names_in_the_same_order(tmp_path, suffix):
    pictures = np.random.default_rng(0).integers(0, 255, (12, 3, 5, 4), dtype=np.uint8)
    names = [f"{part}/{label}/{n}.png" for part in ("test", "train", "val") for label in "ab" for n in (1, 2)]
    path = write_samples(tmp_path / f"x{suffix}", pictures, names=names)
    stream = stream_samples(path, rows=5)
    whole = read_samples(path)
    values, found = together(stream)
    assert stream.count == 12
    assert found == whole.names
    assert torch.equal(values, whole.tensor())


def test_unreadable_pictures_are_left_out_and_named(tmp_path):
    path = write_samples(tmp_path / "x", np.zeros((6, 1, 4, 4), np.uint8))
    (path / "00003.png").write_bytes(b"no picture")
    stream = stream_samples(path, rows=2)
    assert len(together(stream)[0]) == 5
    assert stream.skipped == ["00003.png"]
    for broken in path.iterdir():
        broken.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"no readable sample \(00000\.png, "):
        list(stream)


def test_what_the_first_rows_are_does_not_bind_the_later_ones(tmp_path):
    """Whole numbers first, fractions later; a column that is empty at first."""
    lines = ["a,b", *["1,"] * 30_000, *["1.5,2.5"] * 30_000]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines))
    with pytest.warns(Remark, match="left out"):
        values, _ = together(stream_samples(path, rows=100, missing="drop"))
    assert values.shape == (30_000, 2)
    assert values.mean(0).tolist() == [1.5, 2.5]


def test_columns_are_found_by_name_as_the_model_has_them(tmp_path):
    frame = pa.table({"extra": np.arange(90.0), "b": NUMBERS[:90, 1], "a": NUMBERS[:90, 0]})
    like = open_data(frame.drop_columns("extra").select(["a", "b"])).description
    from pyarrow import parquet

    parquet.write_table(frame, tmp_path / "x.parquet")
    with pytest.warns(Remark, match="'extra'"):
        values, _ = together(stream_samples(tmp_path / "x.parquet", like=like, rows=20))
    assert np.array_equal(values.numpy(), NUMBERS[:90, :2])


def test_series_are_as_long_as_the_models_in_every_piece(tmp_path):
    long = np.random.default_rng(0).normal(size=(40, 1, 9)).astype(np.float32)
    like = open_data(long, kind="series").description
    short = write_samples(tmp_path / "x.npy", long[:, :, :6])
    values, _ = together(stream_samples(short, like=like, rows=7))
    assert values.shape == (40, 1, 9)
    assert values[:, :, 6:].isnan().all()


def test_what_was_missing_in_training_is_filled_in_every_piece(tmp_path):
    holed = NUMBERS.copy()
    holed[::3, 1] = np.nan
    like = open_data(holed, missing="fill").description
    path = write_samples(tmp_path / "x.npy", holed)
    values, _ = together(stream_samples(path, like=like, rows=64))
    assert torch.equal(values, read_samples(path, like=like).tensor())


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".csv"])
def test_values_that_are_not_finite_are_told_with_the_place_in_the_file(tmp_path, suffix):
    holed = NUMBERS.repeat(20, 0)
    holed[17_777, 2] = np.nan
    path = write_samples(tmp_path / f"x{suffix}", holed)
    with pytest.raises(DataError, match=r"from sample \d+ on, has NaN or infinite values in 1 of \d+ samples \(column"):
        list(stream_samples(path, rows=50))


def test_ragged_rows_are_told(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n" + "1,2\n" * 9 + "1,2,3\n" + "1,2\n" * 9)
    with pytest.raises(DataError, match="3 values where 2 were expected"):
        list(stream_samples(tmp_path / "x.csv", rows=4))


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".zip"])
def test_damaged_files_are_told(tmp_path, suffix):
    path = write_samples(tmp_path / f"x{suffix}", np.zeros((50, 1, 6, 6), np.uint8))
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(DataError, match=r"damaged|cut short"):
        list(stream_samples(path, rows=4))


def test_an_empty_table_is_told(tmp_path):
    from pyarrow import parquet

    parquet.write_table(pa.table({"a": pa.array([], pa.float32())}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="0 rows"):
        list(stream_samples(tmp_path / "x.parquet", rows=4))


def test_reading_ends_with_whoever_reads(tmp_path):
    path = write_samples(tmp_path / "x.npy", NUMBERS)
    for piece in stream_samples(path, rows=10):
        assert len(piece) == 10
        break
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("isthmus-ahead")]


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".csv"])
def test_what_pieces_go_through_gives_the_same_bits_as_one_after_another(tmp_path, suffix):
    stream = stream_samples(write_samples(tmp_path / f"x{suffix}", NUMBERS), rows=70)
    weights = torch.randn(3, 64, generator=torch.Generator().manual_seed(0))

    def use(piece):
        return torch.tanh(piece.tensor() @ weights)

    for (piece, made), alone in zip(stream.through(use), stream, strict=True):
        assert torch.equal(piece.tensor(), alone.tensor())
        assert torch.equal(made, use(alone))


def test_small_pieces_are_written_together(tmp_path):
    from pyarrow import parquet

    rows = np.random.default_rng(0).normal(size=(70_000, 2)).astype(np.float32)
    path = tmp_path / "x.parquet"
    with open_writer(path) as put:
        for start in range(0, len(rows), 1000):
            put(rows[start : start + 1000])
    groups = parquet.ParquetFile(path).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [33_000, 33_000, 4_000]
    assert np.array_equal(read_samples(path).tensor().numpy(), rows)


@pytest.mark.parametrize("where", ["reading", "using", "writing"])
def test_whatever_goes_wrong_on_the_way_leaves_no_file_and_no_thread(tmp_path, where):
    holed = NUMBERS.copy()
    holed[500, 1] = np.nan if where == "reading" else 0
    source = write_samples(tmp_path / "x.npy", holed)

    def use(piece):
        if where == "using" and not piece.tensor()[:, 1].all():
            raise DataError("the model")
        return piece.tensor()

    def stop(piece):
        if where == "writing" and not piece.tensor()[:, 1].all():
            raise KeyboardInterrupt

    def from_file_to_file():
        with open_writer(tmp_path / "codes.parquet") as put:
            for piece, made in stream_samples(source, rows=70).through(use):
                stop(piece)
                put(made)

    wrong = {"reading": (DataError, "NaN"), "using": (DataError, "the model"), "writing": (KeyboardInterrupt, None)}[
        where
    ]
    with pytest.raises(wrong[0], match=wrong[1]):
        from_file_to_file()
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("isthmus-ahead")]


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".csv", ".tsv", ".txt", ".idx", ".idx.gz"])
def test_pieces_are_written_as_all_at_once_would_be(tmp_path, suffix):
    whole = write_samples(tmp_path / f"whole{suffix}", NUMBERS)
    with open_writer(tmp_path / f"x{suffix}") as put:
        for start in range(0, 1000, 300):
            put(NUMBERS[start : start + 300])
    assert torch.equal(read_samples(tmp_path / f"x{suffix}").tensor(), read_samples(whole).tensor())
    if suffix in (".npy", ".csv", ".txt", ".idx"):
        assert (tmp_path / f"x{suffix}").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".csv", ".zip", ""])
def test_a_writer_that_is_broken_off_leaves_what_was_there(tmp_path, suffix):
    path = write_samples(tmp_path / f"x{suffix}", np.zeros((3, 1, 4, 4), np.uint8))

    def broken_off():
        with open_writer(path, overwrite=True) as put:
            put(np.ones((3, 1, 4, 4), np.uint8))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken_off()
    assert not read_samples(path).tensor().any()
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".csv", ".zip", ""])
def test_nothing_to_write_is_told_and_leaves_nothing(tmp_path, suffix):
    with pytest.raises(DataError, match="no samples to write"), open_writer(tmp_path / f"x{suffix}"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pieces_of_another_shape_are_refused(tmp_path, suffix):
    def unlike():
        with open_writer(tmp_path / f"x{suffix}") as put:
            put(np.zeros((2, 3), np.float32))
            put(np.zeros((2, 4), np.float32))

    with pytest.raises(DataError, match="Give all samples one shape and type"):
        unlike()
    assert list(tmp_path.iterdir()) == []
