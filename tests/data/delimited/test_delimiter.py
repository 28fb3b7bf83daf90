import pytest

from isthmus.data import read_samples
from isthmus.data.delimited.delimiter import find_delimiter


@pytest.mark.parametrize(
    ("text", "name", "mark"),
    [
        ("a;b\n1,5;2,5\n3,5;4\n", "x.csv", ";"),
        ("1,5;2,5\n3,5;4,5\n", "x.csv", ";"),
        ("1,5 2,5\n3,5 4,5\n", "x.txt", " "),
        ("a|b|c\n1|2|3\n", "x.csv", "|"),
        ("a\tb c\n1\t2\n", "x.csv", "\t"),
        ("a,b\n1,x;y\n2,z;w\n", "x.csv", ","),
        ("time,v\n2020-01-01 10:00,1\n2020-01-01 11:00,2\n", "x.csv", ","),
        ("  1.0e+00   2.5\n   3 4 \n", "x.csv", " "),
        ("some text\nmore text\n", "x.csv", ","),
        ("# title\na;b;c\n1;2;3\n4;5;6\n", "x.csv", ";"),
        ("v\n1\n2\n", "x.csv", ","),
    ],
)
def test_delimiter_cuts_lines_into_equally_many_values(tmp_path, text, name, mark):
    assert find_delimiter(text.splitlines(keepends=True), tmp_path / name) == mark


def test_line_of_excel_names_the_delimiter(tmp_path):
    (tmp_path / "x.csv").write_text("sep=;\na;b\n1;2\n3;5\n")
    assert read_samples(tmp_path / "x.csv").columns == ("a", "b")


def test_quoted_cells_may_have_blanks_between_blanks(tmp_path):
    (tmp_path / "x.txt").write_text('v  kind\n1 "long one"\n2   "short one"\n3 "long one"\n')
    samples = read_samples(tmp_path / "x.txt", label="kind")
    assert samples.label_names == ("long one", "short one")
