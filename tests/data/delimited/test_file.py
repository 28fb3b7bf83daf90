"""Encodings and line ends."""

import warnings

import pytest

from isthmus.data import read_samples
from isthmus.errors import DataError, Remark

TEXT = "größe,stadt\n1.5,Köln\n2,Łódź\n3,Köln\n"


def read(path, **options):
    return read_samples(path, label="stadt", **options)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marks_of_the_byte_order_are_known(tmp_path, encoding):
    (tmp_path / "x.csv").write_bytes(TEXT.encode(encoding))
    samples = read(tmp_path / "x.csv")
    assert (samples.columns, samples.label_names) == (("größe",), ("Köln", "Łódź"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_found(tmp_path, encoding):
    (tmp_path / "x.csv").write_bytes(TEXT.encode(encoding))
    with pytest.warns(Remark, match=r"encoding="):
        assert read(tmp_path / "x.csv").columns == ("größe",)


def test_text_that_is_not_utf_8_is_read_as_latin_1_with_a_remark(tmp_path):
    (tmp_path / "x.csv").write_bytes(TEXT.replace("Łódź", "Zürich €").encode("cp1252"))
    with pytest.warns(Remark, match=r"not UTF-8.*encoding="):
        samples = read(tmp_path / "x.csv")
    assert (samples.columns, samples.label_names) == (("größe",), ("Köln", "Zürich €"))


def test_encoding_can_be_named(tmp_path):
    (tmp_path / "x.csv").write_bytes(TEXT.encode("cp1250"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(tmp_path / "x.csv", encoding="cp1250").label_names == ("Köln", "Łódź")
    with pytest.raises(DataError, match="not ascii"):
        read(tmp_path / "x.csv", encoding="ascii")
    with pytest.raises(DataError, match="encoding='klingon' is unknown"):
        read(tmp_path / "x.csv", encoding="klingon")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("last", ["", "end"])
def test_lines_end_in_any_way(tmp_path, end, last):
    text = end.join(["a,b", "1,2", "3,5", "", "4,4"]) + (end if last else "")
    (tmp_path / "x.csv").write_bytes(text.encode())
    samples = read_samples(tmp_path / "x.csv")
    assert (samples.columns, samples.tensor().tolist()) == (("a", "b"), [[1, 2], [3, 5], [4, 4]])


def test_bytes_that_are_no_text_late_in_the_file_change_its_encoding(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"a,b\n" + b"1,x\n" * 400_000 + b"2,\xfc\n")
    with pytest.warns(Remark, match="not UTF-8"):
        assert read_samples(tmp_path / "x.csv", label="b").label_names == ("x", "ü")
