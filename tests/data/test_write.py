import errno
import os
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.data import open_data, read_samples, write_samples
from isthmus.errors import DataError, IsthmusError

WITH_COLUMNS = [".csv", ".tsv", ".parquet", ".feather", ".arrow", ".orc", ".jsonl", ".json", ".xlsx", ".sqlite"]
TABLES = [*WITH_COLUMNS, ".npy", ".npy.gz", ".npz", ".safetensors", ".h5", ".txt", ".idx", ".idx.gz"]
FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
CODES = arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=FINITE)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".feather", ".npy", ".npz", ".txt", ".idx", ".idx.gz"])
@given(CODES)
def test_codes_come_back_exactly(tmp_path_factory, suffix, codes):
    path = write_samples(tmp_path_factory.mktemp("codes") / f"z{suffix}", torch.from_numpy(codes))
    plain: dict[str, Any] = {"header": False} if suffix == ".txt" else {}  # a first row such as "0" could be the names
    assert np.array_equal(read_samples(path, **plain).tensor().numpy(), codes)


@pytest.mark.parametrize("suffix", [*TABLES, "", ".zip"])
def test_pictures_come_back_exactly(tmp_path, suffix, pictures):
    like = open_data(pictures).description
    path = write_samples(tmp_path / f"x{suffix}", pictures, like=like)
    if suffix in (*WITH_COLUMNS, ".txt"):
        with pytest.warns(UserWarning, match="reshaped to"):
            back = read_samples(path, like=like)
    else:
        back = read_samples(path, like=like)
    assert np.array_equal(back.tensor().numpy(), pictures)


@pytest.mark.parametrize("suffix", WITH_COLUMNS)
def test_tables_come_back_with_their_columns(tmp_path, suffix, table):
    like = {"shape": [4], "kind": "table", "dtype": "float32", "columns": ["a", "b b", "c,c", 'd"d']}
    back = read_samples(write_samples(tmp_path / f"x{suffix}", table, like=like))
    assert back.columns == tuple(like["columns"])
    assert np.array_equal(back.tensor().numpy(), table)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_codes_have_columns_called_z(tmp_path, suffix, table):
    like = {"shape": [9], "columns": list("abcdefghi")}
    for number, given_like in enumerate((None, like)):
        path = write_samples(tmp_path / f"{number}{suffix}", table, like=given_like)
        assert read_samples(path).columns == ("z0", "z1", "z2", "z3")


@pytest.mark.filterwarnings("ignore:.*is read as a table")
@pytest.mark.parametrize("suffix", [*WITH_COLUMNS, ".npz", ".h5"])
def test_names_come_back(tmp_path, suffix, table):
    names = [f"folder/{number}.png" for number in range(40)]
    assert read_samples(write_samples(tmp_path / f"z{suffix}", table, names=names)).names == tuple(names)


def test_columns_can_be_named(tmp_path, table):
    path = write_samples(tmp_path / "x.parquet", table, columns=["p", "q", "r", "s"])
    assert pq.read_table(path).column_names == ["p", "q", "r", "s"]
    for columns in (["p"], ["p", "p", "q", "r"]):
        with pytest.raises(DataError, match="column name"):
            write_samples(tmp_path / "y.csv", table, columns=columns)


def test_flat_values_get_their_shape_back(tmp_path, pictures):
    like = open_data(pictures).description
    flat = torch.from_numpy(pictures).flatten(1).float()
    assert read_samples(write_samples(tmp_path / "x.npy", flat, like=like)).shape == (3, 6, 5)


def test_reconstructed_pictures_are_bytes_again(tmp_path, pictures):
    like = open_data(pictures).description
    noisy = torch.from_numpy(pictures).float() + 0.3
    back = read_samples(write_samples(tmp_path / "x.npy", noisy, like=like))
    assert back.dtype == "uint8"
    assert np.array_equal(back.tensor().numpy(), pictures)


def test_float_pictures_stay_floats_in_arrays(tmp_path):
    values = np.random.default_rng(0).random((5, 1, 4, 4)).astype(np.float32)
    like = open_data(values).description
    assert np.array_equal(read_samples(write_samples(tmp_path / "x.npy", values, like=like)).tensor().numpy(), values)


def test_grey_pictures_in_idx_are_as_mnist_has_them(tmp_path):
    path = write_samples(tmp_path / "x-images-idx3-ubyte", np.zeros((5, 1, 4, 6), np.uint8))
    assert path.read_bytes()[:4] == bytes([0, 0, 8, 3])


def test_unknown_ending_offers_the_nearest(tmp_path, table):
    with pytest.raises(DataError, match=r"'\.parquet'"):
        write_samples(tmp_path / "x.parqet", table)


@pytest.mark.parametrize("suffix", [*TABLES, ".zip"])
def test_what_is_there_is_only_replaced_when_asked(tmp_path, suffix, pictures):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"precious")
    with pytest.raises(DataError, match="overwrite=True"):
        write_samples(path, pictures)
    assert path.read_bytes() == b"precious"
    assert len(read_samples(write_samples(path, pictures, overwrite=True))) == 12


@pytest.mark.parametrize("suffix", [*TABLES, ".zip", ""])
@pytest.mark.parametrize("cause", [errno.ENOSPC, errno.EROFS])
def test_failing_disk_leaves_nothing_behind(tmp_path, monkeypatch, suffix, cause, pictures):
    def fail(*_):
        raise OSError(cause, os.strerror(cause))

    monkeypatch.setattr("pathlib.Path.replace", fail)
    monkeypatch.setattr("pathlib.Path.rename", fail)
    with pytest.raises(IsthmusError, match=r"disk is full|read-only"):
        write_samples(tmp_path / f"x{suffix}", pictures)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [*TABLES, ".zip", ""])
def test_missing_folder_is_told(tmp_path, suffix, pictures):
    with pytest.raises(IsthmusError, match="folder does not exist"):
        write_samples(tmp_path / "nowhere" / f"x{suffix}", pictures)


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros((0, 3)), np.array([["a"]]), np.zeros((2, 2), complex)])
def test_what_is_no_set_of_samples_is_refused(tmp_path, values):
    with pytest.raises(DataError):
        write_samples(tmp_path / "x.npy", values)


def test_half_precision_and_gradients_are_written_as_float32(tmp_path):
    values = torch.ones(3, 2, dtype=torch.bfloat16, requires_grad=True)
    assert np.load(write_samples(tmp_path / "x.npy", values)).dtype == np.float32


def test_wrong_number_of_names_is_refused(tmp_path, table):
    with pytest.raises(DataError, match="1 names for 40 samples"):
        write_samples(tmp_path / "x.csv", table, names=["a"])


def test_text_in_a_workbook_is_no_formula(tmp_path):
    import openpyxl

    names = ["=1+1", "plain"]
    path = write_samples(tmp_path / "x.xlsx", np.ones((2, 1)), names=names, columns=["=a"])
    sheet: Any = openpyxl.load_workbook(path).active
    cells = [[cell.data_type for cell in row] for row in sheet.iter_rows()]
    assert all(kind in "sn" for row in cells for kind in row)
    assert read_samples(path).names == tuple(names)


@pytest.mark.parametrize("suffix", [".sqlite", ".xlsx", ".feather", ".jsonl"])
def test_a_table_that_fails_halfway_leaves_no_file(tmp_path, suffix):
    from isthmus.data import open_writer

    def fail():
        with open_writer(tmp_path / f"x{suffix}") as put:
            put(np.ones((4, 2)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []
