import gzip
import subprocess
import sys

import pytest

from isthmus.data import open_data, read_samples
from isthmus.errors import DataError


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


@pytest.mark.parametrize(
    "content", [b"\x00\x01\x02\x03", b"a,b\n1,\xff\n", "1,2\n".encode("utf-16"), b"PK\x03\x04\0\0"]
)
def test_what_is_no_text_is_refused(tmp_path, content):
    with pytest.raises(DataError, match=r"x\.csv"):
        read(tmp_path, content)


def test_missing_cells_are_missing_values(tmp_path):
    with pytest.raises(DataError, match="column 'b'"):
        read(tmp_path, "a,b\n1,\n2,NA\n3,4\n")


def test_columns_without_names_are_called_by_number_in_messages(tmp_path):
    (tmp_path / "a.csv").write_text("1,x,3\n2,y,4\n")
    with pytest.raises(DataError, match=r"column 1 \(text, such as 'x'\).*exclude='1'"):
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
