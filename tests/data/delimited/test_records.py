"""Records that go over several lines, and quotation marks that don't close."""

from pathlib import Path

import pytest

from isthmus.data import read_samples
from isthmus.data.delimited import records
from isthmus.data.delimited.records import blocks
from isthmus.errors import DataError


def cut(text: bytes, size: int, *, quoted: bool = True) -> list[bytes]:
    found = blocks([text], size, Path("x.csv"), delimiter=",", quoted=quoted, start=0, end=len(text), line=1)
    return [block.text for block in found]


@pytest.mark.parametrize("size", [1, 3, 7, 20, 1000])
@pytest.mark.parametrize(
    "text",
    [
        b'1,"a\nb",2\n3,"c\n\nd",4\n5,"",""\n',
        b'1,5" pipe,2\n3,"x\ny",4\n5,a"b,6\n7,"p""\nq",8\n',
        b'"a\n""b""\n",1,2\n,,\n1,2,3\n',
    ],
)
def test_blocks_end_where_records_end(text, size):
    found = cut(text, size)
    assert b"".join(found) == text
    for block in found:
        assert records._tokenised(block, ",") == len(block)


def test_lines_of_blocks_are_counted():
    text = b"1\n2\n3\n4\n5\n"
    found = blocks([text], 4, Path("x"), delimiter=",", quoted=False, start=2, end=8, line=2)
    assert [(block.text, block.line) for block in found] == [(b"2\n3\n", 2), (b"4\n", 4)]


def test_quotation_mark_that_does_not_close_is_named(tmp_path):
    (tmp_path / "x.csv").write_text('a,b\n1,x\n2,"y\n' + "3,z\n" * 1000)
    with pytest.raises(DataError, match=r"row 3 has a quotation mark that is never closed"):
        read_samples(tmp_path / "x.csv", label="b")


def test_quotation_mark_that_does_not_close_is_found_before_the_end(monkeypatch):
    monkeypatch.setattr(records, "LONGEST_CELL", 1000)
    with pytest.raises(DataError, match=r"row 2 has a quotation mark"):
        cut(b'1,x\n2,"y\n' + b"3,z\n" * 10_000, 100)


def test_doubled_quotation_marks_take_no_time_to_be_refused():
    with pytest.raises(DataError, match=r"row 1 has a quotation mark"):
        cut(b'"' + b'""' * 50_000 + b"\n1,2\n", 10_000)
