import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from isthmus.data import open_data, read_samples
from isthmus.data.idx import idx_array, write_idx
from isthmus.errors import DataError

TYPES = [np.dtype(kind) for kind in ("u1", "i1", "i2", "i4", "f4", "f8")]


@given(st.sampled_from(TYPES).flatmap(lambda kind: arrays(kind, array_shapes(max_dims=4, max_side=5))), st.booleans())
def test_every_type_comes_back(tmp_path_factory, values, gzipped):
    path = tmp_path_factory.mktemp("idx") / "x.idx"
    write_idx(path, values, gzipped=gzipped)
    back = idx_array(path, 10**6)
    assert back.dtype == values.dtype
    assert np.array_equal(back, values, equal_nan=values.dtype.kind == "f")


def test_a_file_is_written_as_the_format_says(tmp_path):
    write_idx(tmp_path / "x.idx", np.array([[1, 2]], np.int16), gzipped=False)
    assert (tmp_path / "x.idx").read_bytes() == bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 2])


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_pictures_find_their_labels(tmp_path, suffix):
    write_idx(tmp_path / f"t10k-images-idx3-ubyte{suffix}", np.zeros((6, 4, 5), np.uint8), gzipped=bool(suffix))
    write_idx(
        tmp_path / f"t10k-labels-idx1-ubyte{suffix}", np.array([0, 1, 2, 0, 1, 2], np.uint8), gzipped=bool(suffix)
    )
    samples = read_samples(tmp_path / f"t10k-images-idx3-ubyte{suffix}")
    assert samples.shape == (1, 4, 5)
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("keep", [2, 6, 12, 20, -1])
def test_truncated_files_are_refused(tmp_path, gzipped, keep):
    path = tmp_path / "x.idx"
    write_idx(path, np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8), gzipped=gzipped)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"x\.idx"):
        open_data(path)


def test_more_values_than_promised_are_refused(tmp_path):
    write_idx(tmp_path / "x.idx", np.zeros((3, 3), np.uint8), gzipped=False)
    with (tmp_path / "x.idx").open("ab") as file:
        file.write(b"more")
    with pytest.raises(DataError, match="more values"):
        open_data(tmp_path / "x.idx")


def test_something_else_is_refused(tmp_path):
    (tmp_path / "x.idx").write_bytes(b"something else")
    with pytest.raises(DataError, match="not an IDX file"):
        open_data(tmp_path / "x.idx")


def test_bomb_is_refused_before_anything_is_reserved(tmp_path):
    header = struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31)
    (tmp_path / "x.idx.gz").write_bytes(gzip.compress(header))
    with pytest.raises(DataError, match="max_bytes"):
        open_data(tmp_path / "x.idx.gz")


def test_equal_values_make_equal_files(tmp_path):
    for name in ("a.idx.gz", "b.idx.gz"):
        write_idx(tmp_path / name, np.zeros((3, 3), np.uint8), gzipped=True)
    assert (tmp_path / "a.idx.gz").read_bytes() == (tmp_path / "b.idx.gz").read_bytes()
