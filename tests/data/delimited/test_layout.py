"""Which lines of a text table are names, which are data, and which are neither."""

import warnings

import numpy as np
import pandas as pd
import pytest

from isthmus.data import read_samples
from isthmus.errors import DataError, Remark

VALUES = np.random.default_rng(0).normal(50, 5, (30, 5))


def read(tmp_path, text: str | bytes, name: str = "x.csv", **options):
    """The samples, and the remarks as one text."""
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        samples = read_samples(tmp_path / name, **options)
    return samples, " ".join(str(one.message) for one in caught if one.category is Remark)


def rows(count: int = 5, width: int = 3, mark: str = ",") -> str:
    return "".join(mark.join(map(str, row)) + "\n" for row in VALUES[:count, :width].round(1).tolist())


@pytest.mark.parametrize("width", [1, 2, 5])
def test_default_columns_of_pandas_are_names(tmp_path, width):
    samples, said = read(tmp_path, pd.DataFrame(VALUES[:, :width]).to_csv(index=False))
    assert (len(samples), samples.columns) == (30, tuple(map(str, range(width))))
    assert "header=False" in said


def test_years_are_names(tmp_path):
    samples, said = read(tmp_path, "2019,2020,2021\n" + rows())
    assert samples.columns == ("2019", "2020", "2021")
    assert "header=False" in said
    assert read(tmp_path, "2019,2020,2021\n" + rows(), header=False)[0].columns == ()
    samples, _ = read(tmp_path, "2019,1,2\n2020,3,5\n2021,5,4\n")
    assert samples.columns == ()


def test_wavelengths_are_names(tmp_path):
    waves = ",".join(f"{400 + 2.5 * i:g}" for i in range(10))
    samples, said = read(tmp_path, waves + "\n" + "1,5,2,7,3,8,2,9,1,2\n" * 3)
    assert samples.columns[:2] == ("400", "402.5")
    assert "header=False" in said


def test_whole_numbers_that_count_up_in_each_row_are_samples(tmp_path):
    assert len(read(tmp_path, "0,1,2\n1,2,3\n2,3,4\n")[0]) == 3
    assert read(tmp_path, "1,2\n3,4\n5,6\n")[0].columns == ()


def test_first_sample_with_text_is_a_sample(tmp_path):
    text = "".join(f"{a:.1f},{b:.1f},{'ab'[i % 2]}\n" for i, (a, b, *_) in enumerate(VALUES))
    samples, said = read(tmp_path, text, label=2)
    assert (len(samples), samples.columns, samples.label_names) == (30, (), ("a", "b"))
    assert "header=True" in said
    assert len(read(tmp_path, text, header=True, label=2)[0]) == 29


def test_code_for_a_missing_value_in_the_first_row_is_no_name(tmp_path):
    samples, _ = read(tmp_path, "1,?\n" + "2,3\n" * 20, missing="keep")
    assert len(samples) == 21


def test_tables_of_text_are_decided_by_their_cells(tmp_path):
    body = "".join(f"{'xy'[i % 2]},{'pqr'[i % 3]}\n" for i in range(12))
    samples, said = read(tmp_path, "cap,gill\n" + body)
    assert samples.columns == ("cap", "gill")
    assert "header=False" in said
    samples, said = read(tmp_path, body)
    assert len(samples) == 12
    assert "header=True" in said


def test_clear_names_need_no_remark(tmp_path):
    assert read(tmp_path, "a,b,c\n" + rows())[1] == ""
    assert read(tmp_path, "1,2.5,3\n" + rows())[1] == ""


@pytest.mark.parametrize("first", ["", "Unnamed: 0"])
def test_index_column_is_left_out_unless_it_is_asked_for(tmp_path, first):
    text = f"{first},a,b\n" + "".join(f"{i},{a},{b}\n" for i, (a, b, *_) in enumerate(VALUES))
    samples, said = read(tmp_path, text)
    assert samples.columns == ("a", "b")
    name = first or "index"
    assert f"types='{name}=number'" in said
    assert read(tmp_path, text, types=f"{name}=number")[0].columns == (name, "a", "b")
    assert read(tmp_path, text, label=name)[0].columns == ("a", "b")


def test_index_column_of_text_holds_the_names_of_the_samples(tmp_path):
    samples, _ = read(tmp_path, ",a,b\ncell1,1,2\ncell2,3,5\n")
    assert (samples.names, samples.columns) == (("cell1", "cell2"), ("a", "b"))


def test_row_names_of_r_are_an_index(tmp_path):
    samples, _ = read(tmp_path, '"x" "y"\n"one" 1 2\n"two" 3 5\n', "x.txt")
    assert (samples.names, samples.columns) == (("one", "two"), ("x", "y"))


def test_too_few_names_are_refused_with_the_way_out(tmp_path):
    text = "a,b\n" + rows()
    with pytest.raises(DataError, match=r"row 1 has 2 cells, but most rows below it have 3.*skip=1"):
        read(tmp_path, text)
    assert read(tmp_path, text, skip=1)[0].shape == (3,)


def test_equal_names_are_numbered_as_pandas_does(tmp_path):
    samples, said = read(tmp_path, "a,a,b,a\n" + rows(width=4))
    assert samples.columns == ("a", "a.1", "b", "a.2")
    assert "several columns named 'a'" in said


@pytest.mark.parametrize("mark", ["#", "% ", "//"])
def test_comments_are_left_out_wherever_they_are(tmp_path, mark):
    text = f"{mark} made in 2020, by us\n{mark}\na,b,c\n" + rows(3) + f"{mark} a gap\n{mark},1,2\n" + rows(2)
    samples, _ = read(tmp_path, text)
    assert (len(samples), samples.columns) == (5, ("a", "b", "c"))


def test_names_may_stand_in_a_comment(tmp_path):
    samples, said = read(tmp_path, "# x y z\n" + rows(mark=" "), "x.txt")
    assert samples.columns == ("x", "y", "z")
    assert "header=False" in said
    assert read(tmp_path, "# x y z\n" + rows(mark=" "), "x.txt", header=False)[0].columns == ()


def test_texts_that_start_like_a_comment_are_cells(tmp_path):
    samples, _ = read(tmp_path, "team,won\n#1,5\n#2,6\n#3,9\n", label="team")
    assert samples.label_names == ("#1", "#2", "#3")


def test_titles_are_left_out_unless_lines_are_counted(tmp_path):
    text = "Weather of 2020\n\nStation 5\na,b,c\n" + rows()
    samples, said = read(tmp_path, text)
    assert (len(samples), samples.columns) == (5, ("a", "b", "c"))
    assert "'Weather of 2020'" in said
    assert "skip=0" in said
    samples, said = read(tmp_path, text, skip=3)
    assert (len(samples), samples.columns, said) == (5, ("a", "b", "c"), "")


def test_title_cells_of_a_spreadsheet_are_left_out(tmp_path):
    samples, _ = read(tmp_path, "Report,,\n,,\na,b,c\n" + rows())
    assert samples.columns == ("a", "b", "c")
    assert len(samples) == 5


def test_units_below_the_names_are_left_out(tmp_path):
    text = "warmth,press,time\n°C,hPa,s\n" + rows()
    samples, said = read(tmp_path, text)
    assert (len(samples), samples.columns) == (5, ("warmth", "press", "time"))
    assert "skip=0" in said
    assert (
        len(read(tmp_path, text, skip=0, missing="drop", types="warmth=category,press=category,time=category")[0]) == 6
    )


def test_two_rows_of_names_are_joined(tmp_path):
    samples, said = read(tmp_path, "left,,right\nx,y,x\n" + rows())
    assert (len(samples), samples.columns) == (5, ("left x", "left y", "right x"))
    assert "skip=0" in said


def test_two_rows_of_names_of_pandas_are_joined(tmp_path):
    columns = pd.MultiIndex.from_product([["a", "b"], ["mean", "max"]])
    for index in (False, True):
        samples, _ = read(tmp_path, pd.DataFrame(VALUES[:, :4], columns=columns).to_csv(index=index))
        assert (len(samples), samples.columns, samples.names) == (30, ("a mean", "a max", "b mean", "b max"), ())


@pytest.mark.parametrize(
    "foot",
    [
        "Total,3,4\n",
        "\nSource: our own counts\n",
        "Source: a, b\n",
        "Mean,1.5,2\nTotal,3,4\n",
        ",,\n,,\n",
        "Note: x,,\n",
    ],
)
def test_lines_below_the_data_are_left_out(tmp_path, foot):
    samples, said = read(tmp_path, "a,b,c\n" + rows() + foot)
    assert len(samples) == 5
    assert ("skip=0" in said) == (foot[0] != ",")


def test_row_that_is_cut_short_is_no_foot(tmp_path):
    with pytest.raises(DataError, match=r"row 7 has 2 values where 3 were expected"):
        read(tmp_path, "a,b,c\n" + rows() + "1,2")
    with pytest.raises(DataError, match=r"row 5 has 1 values where 3 were expected"):
        read(tmp_path, "city,b,c\nRome,1,2\nOslo,2,3\nBern,5,4\nRo", label="city")


def test_total_among_the_categories_is_a_sample(tmp_path):
    samples, _ = read(tmp_path, "sex,b\nmen,1\nwomen,2\ntotal,3\nmen,5\nwomen,6\ntotal,11\n", label="sex")
    assert len(samples) == 6


@pytest.mark.parametrize(("names", "expected"), [("a,b,", ("a", "b")), ("a,b", ("a", "b")), ("", ())])
def test_delimiters_at_the_end_of_lines_make_no_column(tmp_path, names, expected):
    samples, _ = read(tmp_path, names + "\n" * bool(names) + "1,2,\n3,5,\n4,4,\n")
    assert (samples.shape, samples.columns) == ((2,), expected)


def test_model_knows_the_names_of_new_data(tmp_path):
    like = {"shape": [2], "columns": ["7", "9"]}
    (tmp_path / "x.csv").write_text("7,9\n1,2\n")
    assert read_samples(tmp_path / "x.csv", like=like).tensor().tolist() == [[1, 2]]
