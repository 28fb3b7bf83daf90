import gzip
import subprocess
import sys

import pytest
import torch

from isthmus.data import open_data, read_samples, stream_samples
from isthmus.errors import DataError, Remark


def read(tmp_path, text: str | bytes, name: str = "x.csv", **options):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_samples(tmp_path / name, **options)


def test_names_in_the_first_line_are_found(tmp_path):
    samples = read(tmp_path, "a,b\n1,2\n3,4\n")
    assert samples.columns == ("a", "b")
    assert samples.tensor().tolist() == [[1, 2], [3, 4]]


def test_a_first_line_of_numbers_is_a_sample(tmp_path):
    samples = read(tmp_path, "1,2\n3,4\n")
    assert samples.columns == ()
    assert samples.tensor().tolist() == [[1, 2], [3, 4]]


def test_header_can_be_said(tmp_path):
    assert read(tmp_path, "2020,2021\n1,2\n3,4\n", header=True).columns == ("2020", "2021")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", "1;2.5\n3;4\n"),
        ("x.tsv", "1\t2.5\n3\t4\n"),
        ("x.txt", "  1.0e+00   2.5\n   3 4 \n"),
        ("x.txt", "1,2.5\r\n3,4\r\n"),
        ("x.csv", "\ufeff1,2.5\n3,4"),
        ("x.txt", "1|2.5\n3|4\n"),
    ],
)
def test_delimiters_are_found_out(tmp_path, name, text):
    options = {"delimiter": "|"} if "|" in text else {}
    assert read(tmp_path, text, name, **options).tensor().tolist() == [[1, 2.5], [3, 4]]


def test_gzipped_text_is_read_within_limits(tmp_path):
    packed = gzip.compress(b"1,2\n" * 1000)
    assert len(read(tmp_path, packed, "x.csv.gz")) == 1000
    with pytest.raises(DataError, match="max_bytes"):
        read(tmp_path, packed, "x.csv.gz", max_bytes=1000)
    with pytest.raises(DataError, match="cut short"):
        read(tmp_path, packed[:-9], "x.csv.gz")


def test_label_can_be_a_number_where_columns_have_no_names(tmp_path):
    for label in (0, "0"):
        samples = read(tmp_path, "1 0.5 2\n2 0.25 4\n", "x.txt", label=label)
        assert samples.label_names == ("1", "2")
        assert samples.tensor().tolist() == [[0.5, 2], [0.25, 4]]


def test_same_file_with_or_without_labels_fits_the_model(tmp_path):
    rows = "".join(f"{i % 2} {i} {i * i}\n" for i in range(10))
    (tmp_path / "x.txt").write_text(rows)
    like = open_data(tmp_path / "x.txt", label=0).description
    assert read_samples(tmp_path / "x.txt", like=like).shape == (2,)
    without = read(tmp_path, "4 5\n6 7\n", "y.txt", like=like)
    assert without.tensor().tolist() == [[4, 5], [6, 7]]


def test_text_column_called_name_holds_the_samples_names(tmp_path):
    samples = read(tmp_path, "name,z0\nfirst,1\nsecond,2\n")
    assert samples.names == ("first", "second")
    assert samples.columns == ("z0",)


def test_type_that_shows_late_is_found(tmp_path):
    samples = read(tmp_path, "a\n" + "1\n" * 700_000 + "2.5\n")
    assert samples.tensor()[-1].item() == 2.5


def test_quoted_line_breaks_are_read(tmp_path):
    assert len(read(tmp_path, 'a,b\n1,"two\nlines"\n3,x\n', label="b")) == 2


def test_ragged_row_is_named(tmp_path):
    with pytest.raises(DataError, match=r"row 3 has 2 values where 3 were expected .'4,5'."):
        read(tmp_path, "a,b,c\n1,2,3\n4,5\n6,7,8\n")


@pytest.mark.parametrize("text", ["", "\n\n  \n", "a,b\n"])
def test_empty_files_are_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"x\.csv (is empty|has 0 rows)"):
        read(tmp_path, text)


@pytest.mark.parametrize("content", [b"\x00\x01\x02\x03", b"a,b\n\x01,\xff\n", b"PK\x03\x04\0\0"])
def test_what_is_no_text_is_refused(tmp_path, content):
    with pytest.raises(DataError, match=r"x\.csv"):
        read(tmp_path, content)


def test_missing_cells_are_missing_values(tmp_path):
    with pytest.raises(DataError, match="column 'b'"):
        read(tmp_path, "a,b\n1,\n2,NA\n3,4\n")


def test_columns_without_names_are_called_by_number_in_messages(tmp_path):
    (tmp_path / "a.csv").write_text("1,x,3\n2,y,4\n")
    with pytest.raises(DataError, match=r"column 1 \(text, such as 'x' in row 0, .*exclude='1'"):
        read_samples(tmp_path / "a.csv", header=False, kind="series")
    assert read_samples(tmp_path / "a.csv", header=False, exclude="1").shape == (2,)
    assert open_data(tmp_path / "a.csv", header=False, exclude="1", validation=0, test=0).shape == (2,)


@pytest.mark.data
def test_heartbeats_are_read(real_data):
    data = open_data(real_data / "ecg5000.txt", label=0)
    assert data.shape == (140,)
    assert len(data) == 500
    assert data.label_names == ("1", "2", "3", "4", "5")


def test_a_process_that_ends_right_after_reading_ends_well(tmp_path):
    """Arrow's threads may still let go of what they read while Python ends: by SIGABRT, where that is Python's."""
    path = tmp_path / "empty.csv"
    path.write_text("a,b,c\n")
    script = f"import isthmus.data\ntry:\n    isthmus.data.read_samples({str(path)!r})\nexcept ValueError:\n    pass"
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


LATE = 20_000
"""Rows after which a column changes; a piece of a stream is smaller."""
NASTY = {
    "whole numbers first": ("a,b\n", "1,2\n", "1.5,2.5\n"),
    "nothing first": ("a,b\n", "1,\n", "1,7\n2,8\n" * 5_000),
    "fractions first": ("a,b\n", "1.25,2\n", "3,4\n"),
    "quoted": ('"a","b"\n', '"1","2"\n', '"1.5","2.5"\n'),
    "line breaks in cells": ("a,b,note\n", '1,2,"x\ny"\n', '3,4,""\n'),
    "marks in cells": ("a,b,note\n", '1,2,5" pipe\n', '3,4,"x\n,y"\n'),
    "comments": ("a,b\n", "1,2\n", "#,gone\n3,4\n"),
    "blanks": ("a b\n", " 1  2\n", "3 4 \n"),
    "semicolons": ("a;b\n", "1;2\n", "3;4.5\n"),
    "decimal commas": ("a;b\n", "1,5;2\n", "2,5;4\n"),
    "carriage returns": ("a,b\r", "1,2\r", "3,4\r"),
    "both ends of lines": ("a,b\r\n", "1,2\r\n", "3,4\r\n"),
    "text in a column left out": ("a,b,note\n", "1,2,\n", "3,4,sensor replaced\n"),
    "dates first in a column left out": ("a,b,note\n", "1,2,2020-01-01\n", "3,4,unknown\n"),
    "an index": (",a,b\n", "0,1,2\n", "1,3,4\n"),
    "a title and a foot": ("My table\na,b,note\n", "1,2,\n", "3,4,\nSource: us\n"),
    "codes late": ("a,b\n", "1,2\n", "?,4\n"),
}


@pytest.mark.filterwarnings("ignore::isthmus.errors.Remark")
@pytest.mark.parametrize(("names", "early", "late"), NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("trained", [True, False])
def test_streams_and_whole_reads_agree(tmp_path, names, early, late, trained):
    (tmp_path / "x.csv").write_text(names + early * LATE + late, newline="")
    options: dict = {"missing": "keep"} | ({"exclude": "note"} if "note" in names else {})
    like = open_data(tmp_path / "x.csv", **options).description if trained else None
    whole = read_samples(tmp_path / "x.csv", like=like, **options)
    pieces = list(stream_samples(tmp_path / "x.csv", like=like, rows=5_000, **options))
    assert len(pieces) > 1
    assert len(whole) > LATE
    together = torch.cat([piece.tensor() for piece in pieces])
    assert torch.equal(together.nan_to_num(-1), whole.tensor().nan_to_num(-1))
    assert {piece.columns for piece in pieces} == {whole.columns} == {("a", "b")}


@pytest.mark.parametrize("rows", [None, 1000])
def test_text_in_a_late_row_is_named_with_its_row_and_column(tmp_path, rows):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "1,2\n3,4.5\n" * 10_000 + "5,broken\n" + "1,2\n" * 20)
    like = {"shape": [2], "columns": ["a", "b"]}
    with pytest.raises(DataError, match=r"column 'b', row 20,002: 'broken' is not a number.*exclude='b'"):
        list(stream_samples(path, like=like, rows=rows))
    with pytest.warns(Remark, match="'b'"):
        left = list(stream_samples(path, like={"shape": [1], "columns": ["a"]}, rows=rows))
    assert sum(map(len, left)) == 20_021


def test_rows_of_another_length_are_named_in_streams_too(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n" + "1,2\n" * 40_000 + "1,2,3\n")
    with pytest.raises(DataError, match=r"row 40002 has 3 values where 2 were expected"):
        list(stream_samples(tmp_path / "x.csv", rows=1000))


def test_labels_keep_the_zeros_before_their_numbers(tmp_path):
    samples = read(tmp_path, "zip,a\n01067,1\n10115,2\n01067,3\n", label="zip")
    assert samples.label_names == ("01067", "10115")


def test_columns_left_out_may_hold_anything(tmp_path):
    samples = read(tmp_path, "a,b,c\n1,x,2020-01-01\n2,?,never\n3,,5\n", columns="a")
    assert samples.tensor().tolist() == [[1], [2], [3]]


def test_columns_that_are_left_out_go_into_results_as_they_were_written(tmp_path):
    (tmp_path / "x.csv").write_text("a,note,b\n1,0.10,2\n3,007,4\n")
    like = {"shape": [2], "columns": ["a", "b"]}
    with pytest.warns(Remark, match="'note'"):
        samples = read_samples(tmp_path / "x.csv", like=like)
    assert samples.unused is not None
    assert samples.unused["note"].to_pylist() == ["0.10", "007"]
