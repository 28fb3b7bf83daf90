"""Cells of text tables: no formulas for a spreadsheet, and yet what was written is read."""

import os
import sys

import numpy as np
import pyarrow as pa
import pytest

from isthmus.data import open_data, read_samples, write_samples

FORMULAS = ["=1+1", "+cmd|'/C calc'!A0", "-2+3", "@SUM(A1)", "'=kept", "''-kept", "'quoted'", "-1.5", "plain"]
VALUES = np.array([[-1.5, 2.0], [1e-30, -0.0], [3.0, -4e20]] * 3, np.float32)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_names_like_formulas_are_written_as_text_and_read_as_they_were(tmp_path, suffix):
    path = write_samples(tmp_path / f"x{suffix}", VALUES, names=FORMULAS, columns=["=a", "-1"])
    again = read_samples(path, header=True)
    assert again.names == tuple(FORMULAS)
    assert again.columns == ("=a", "-1")
    assert np.array_equal(again.tensor().numpy(), VALUES)


def test_no_cell_of_a_text_table_begins_a_formula_but_numbers(tmp_path):
    path = write_samples(tmp_path / "x.csv", VALUES, names=FORMULAS, columns=["=a", "-b"])
    for line in path.read_text().splitlines():
        for cell in line.split(","):
            text = cell.strip('"')
            assert text[:1] not in "=+@" or text == ""
            assert not text.startswith("-") or float(text) < 0 or text == "-0"


def test_categories_like_formulas_keep_their_names(tmp_path):
    kinds = ["=A1", "@b", "-c", "d"] * 5
    data = open_data(pa.table({"kind": kinds, "x": np.arange(20.0)}), categorical="auto", validation=0, test=0)
    path = write_samples(tmp_path / "x.csv", data.train.tensor(), like=data.description)
    assert '"\'=A1"' in path.read_text() or "'=A1" in path.read_text()
    assert read_samples(path, like=data.description, categorical="auto").categories == data.train.categories


@pytest.mark.parametrize("target", ["x.csv", "x.parquet", "x.npz", "x.zip", "x"])
def test_names_that_are_no_utf8_are_written_out(tmp_path, target):
    name = os.fsdecode(b"caf\xe9.png")
    values = np.zeros((2, 1, 4, 4), np.uint8)
    if target == "x" and sys.platform != "linux":
        pytest.skip("file names are text here")
    written = write_samples(tmp_path / target, values, names=[name, "b.png"])
    expected = {"x": name, "x.zip": "caf%xe9.png"}.get(target, "caf\\xe9.png")
    assert set(read_samples(written).names) == {expected, "b.png"}
