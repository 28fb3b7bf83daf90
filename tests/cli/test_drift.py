"""The command `drift`."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="module")
def run(isthmus, tmp_path_factory):
    """Principal components of a table with names, a source like it, and one with a shifted column."""
    folder = tmp_path_factory.mktemp("drift")
    random = np.random.default_rng(0)
    mixing = random.normal(size=(2, 4))
    for name, count, shift in (("table", 600, 0), ("same", 200, 0), ("shifted", 200, 3)):
        values = random.normal(size=(count, 2)) @ mixing + 0.05 * random.normal(size=(count, 4))
        values[:, 2] += shift
        rows = "\n".join(",".join(f"{cell:.4f}" for cell in row) for row in values)
        (folder / f"{name}.csv").write_text(f"age,height,weight,pulse\n{rows}\n")
    words = ("-r", "pca", "-s", "code=2", "-o", folder / "run", "--validation", 0.2, "-q")
    assert isthmus("train", folder / "table.csv", *words).code == 0
    return folder


def test_unchanged_data_end_with_0(isthmus, run):
    said = isthmus("drift", run / "run", run / "same.csv")
    assert said.code == 0, said.err
    assert "No drift: none of 9 checks has changed." in said.out
    assert "of 200 rows are anomalous (95 % confidence interval: " in said.out
    assert "Next:" not in said.out


def test_changed_data_end_with_3_name_the_column_and_say_what_to_do(isthmus, run):
    said = isthmus("drift", run / "run", run / "shifted.csv")
    assert said.code == 3
    assert said.out.startswith("Drift: ")
    assert any(line.split()[:1] == ["weight"] for line in said.out.splitlines())
    assert "Next: Look at 'weight'" in said.out
    quiet = isthmus("drift", run / "run", run / "shifted.csv", "--quiet")
    assert quiet.code == 3
    assert "Next:" not in quiet.out


def test_a_page_and_a_json_file_are_written_and_not_over_what_is_there(isthmus, run, tmp_path):
    words = ("drift", run / "run", run / "shifted.csv", "--out", tmp_path / "today")
    said = isthmus(*words)
    assert said.code == 3
    assert str(tmp_path / "today" / "drift.html") in said.out
    assert "What has changed" in (tmp_path / "today" / "drift.html").read_text()
    assert json.loads((tmp_path / "today" / "drift.json").read_text())["drift"] is True
    again = isthmus(*words)
    assert again.code == 1
    assert "--force" in again.err
    assert isthmus(*words, "--force").code == 3


def test_json_is_the_comparison_and_nothing_else(isthmus, run):
    said = isthmus(
        "drift", run / "run", run / "same.csv", "--json", "--ignore", "pulse", "--reference", run / "table.csv"
    )
    found = json.loads(said.out)
    assert found["drift"] is False
    assert found["reference"].endswith("table.csv")
    assert "pulse" not in {check["name"] for check in found["checks"]}


def test_wrong_words_end_with_1_or_2_and_one_line(isthmus, run, tmp_path):
    for words in (("--level", 0), ("--distance", 2), ("--by", "eror")):
        assert isthmus("drift", run / "run", run / "same.csv", *words).code == 2
    (tmp_path / "other.csv").write_text("age,height\n1,2\n3,4\n")
    for source, words, expected in (
        (tmp_path / "other.csv", (), "lacks the columns 'weight', 'pulse'"),
        (run / "same.csv", ("--ignore", "puls"), "--ignore names 'puls', which is no column of the model"),
        (tmp_path / "none.csv", (), "none.csv"),
    ):
        said = isthmus("drift", run / "run", source, *words)
        assert said.code == 1
        assert expected in said.err
        assert len(said.err.splitlines()) == 1
