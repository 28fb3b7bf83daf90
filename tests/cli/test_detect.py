"""The command `detect`."""

import json
import re

import numpy as np
import pandas as pd
import pyarrow.csv
import pyarrow.parquet
import pytest


@pytest.fixture(scope="module")
def run(isthmus, tmp_path_factory):
    """Principal components of a table with names, and the table's path."""
    folder = tmp_path_factory.mktemp("detect")
    generator = np.random.default_rng(0)
    values = generator.normal(size=(300, 2)) @ generator.normal(size=(2, 4)) + 0.05 * generator.normal(size=(300, 4))
    rows = "\n".join(",".join(f"{cell:.4f}" for cell in row) for row in values)
    (folder / "table.csv").write_text(f"age,height,weight,pulse\n{rows}\n")
    source = folder / "table.csv"
    assert (
        isthmus("train", source, "-r", "pca", "-s", "code=2", "-o", folder / "run", "--validation", 0.2, "-q").code == 0
    )
    anomalous = values[:20].copy()
    anomalous[4, 2] += 3
    rows = "\n".join(",".join(f"{cell:.4f}" for cell in row) for row in anomalous)
    (folder / "anomalous.csv").write_text(f"age,height,weight,pulse\n{rows}\n")
    return folder


def test_strangest_sample_is_named_with_its_column(isthmus, run):
    said = isthmus("detect", run / "run", run / "anomalous.csv")
    assert said.code == 0, said.err
    assert "of 20 samples are anomalous" in said.out
    assert "which 99.0\u202f% of the validation part stay below" in said.out
    first = next(line for line in said.out.splitlines() if line.strip().startswith("4 "))
    assert "weight" in first


def test_scores_and_picture_are_written_and_not_over_what_is_there(isthmus, run, tmp_path):
    words = ("detect", run / "run", run / "anomalous.csv", tmp_path / "scores.csv", "--picture", tmp_path / "it.png")
    assert isthmus(*words).code == 0
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0].replace('"', "").startswith("score,anomalous,reason_1,given_1,expected_1,share_1,reason_2")
    assert len(lines) == 21
    assert float(lines[5].split(",")[1]) == 1
    assert (tmp_path / "it.png").stat().st_size > 1000
    again = isthmus(*words)
    assert again.code == 1
    assert "--force" in again.err
    assert isthmus(*words, "--force").code == 0


def test_scores_explain_each_row_unless_that_is_not_wanted(isthmus, run, tmp_path):
    words = ("detect", run / "run", run / "anomalous.csv", "-q")
    assert isthmus(*words, tmp_path / "all.csv").code == 0
    assert isthmus(*words, tmp_path / "some.parquet", "--explain", "anomalous").code == 0
    assert isthmus(*words, tmp_path / "none.csv", "--explain", "none").code == 0
    assert isthmus(*words, tmp_path / "scores.npy").code == 0
    every = pyarrow.csv.read_csv(tmp_path / "all.csv").to_pylist()
    assert every[4]["reason_1"] == "weight"
    assert every[4]["counterfactual"].startswith("weight = ")
    assert 0.5 < every[4]["share_1"] <= 1
    some = pyarrow.parquet.read_table(tmp_path / "some.parquet").to_pylist()
    assert [row["reason_1"] is not None for row in some] == [row["anomalous"] == 1 for row in some]
    assert sum(bool(row["reason_1"]) for row in every) > sum(row["reason_1"] is not None for row in some)
    assert pyarrow.csv.read_csv(tmp_path / "none.csv").column_names == ["score", "anomalous"]
    assert np.load(tmp_path / "scores.npy").shape == (20, 2)


def test_the_page_says_what_would_make_each_row_normal(isthmus, run, tmp_path):
    said = isthmus("detect", run / "run", run / "anomalous.csv", "--page", tmp_path / "it.html", "-q")
    assert said.code == 0, said.err
    page = (tmp_path / "it.html").read_text()
    assert "of 20 rows are anomalous" in page
    assert re.search(r"With weight [-\d.]+ instead of [-\d.]+, this row would be normal", page)
    assert "Columns that are most often the reason" in page
    assert "prefers-color-scheme: dark" in page
    assert isthmus("detect", run / "run", run / "anomalous.csv", "--page", tmp_path / "it.txt").code == 2


def test_one_row_is_scored_and_explained(isthmus, run, tmp_path):
    lines = (run / "anomalous.csv").read_text().splitlines()
    (tmp_path / "one.csv").write_text(f"{lines[0]}\n{lines[5]}\n")
    said = isthmus("detect", run / "run", tmp_path / "one.csv", tmp_path / "scores.csv")
    assert said.code == 0, said.err
    assert "1 of 1 samples are anomalous" in said.out
    assert pd.read_csv(tmp_path / "scores.csv")["reason_1"].tolist() == ["weight"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda lines: [lines[0], *(f"x{line}" for line in lines[1:])], "column 'age', row 2 and 19 more"),
        (
            lambda lines: [*lines[:15], f"inf{lines[15][lines[15].index(',') :]}", *lines[16:]],
            "infinite values in 1 of 20",
        ),
        (lambda lines: lines[:1], "has 0 rows"),
        (lambda lines: [line[line.index(",") + 1 :] for line in lines], "lacks the column 'age'"),
    ],
)
def test_wrong_rows_are_refused_in_one_line_that_names_the_place(isthmus, run, tmp_path, change, match):
    lines = (run / "anomalous.csv").read_text().splitlines()
    (tmp_path / "wrong.csv").write_text("\n".join(change(lines)) + "\n")
    said = isthmus("detect", run / "run", tmp_path / "wrong.csv", tmp_path / "scores.csv")
    assert said.code == 1
    assert match in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "scores.csv").exists()


def test_text_in_a_column_of_numbers_far_below_is_named_by_row_and_column(isthmus, run, tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.data.stream.SMALL", 2**20)
    monkeypatch.setattr("isthmus.data.stream.MOST", 2**12)
    lines = (run / "anomalous.csv").read_text().splitlines()
    with (tmp_path / "long.csv").open("w") as file:
        file.write(lines[0] + "\n")
        file.write("\n".join(lines[1:] * 2_500) + "\n")
        file.write("1.0,2.0,heavy,3.0\n")
    assert (tmp_path / "long.csv").stat().st_size > 2**20, "else it would be read at once"
    said = isthmus("detect", run / "run", tmp_path / "long.csv", tmp_path / "scores.csv", "--explain", "none")
    assert said.code == 1
    assert "column 'weight', row 50,002: 'heavy' is not a number" in said.err
    assert not (tmp_path / "scores.csv").exists()


def test_the_picture_never_takes_the_place_of_the_scores(isthmus, run, tmp_path):
    words = ("detect", run / "run", run / "anomalous.csv", tmp_path / "scores.csv", "--picture")
    said = isthmus(*words, tmp_path / "scores.csv")
    assert said.code == 2
    assert "expected a path that ends in .png" in " ".join(said.err.split())
    assert not list(tmp_path.iterdir())


def test_json_is_the_detection_and_nothing_else(isthmus, run):
    found = json.loads(isthmus("detect", run / "run", run / "anomalous.csv", "--by", "neighbours", "--json").out)
    assert found["samples"] == 20
    assert found["by"] == "neighbours"
    assert len(found["most_anomalous"]) == 10


def test_a_likelihood_is_told_by_its_negative_logarithm(isthmus, tmp_path):
    words = ("-r", "vae", "-s", "code=2", "-e", 1, "-o", tmp_path / "vae", "--compile", "no", "-q")
    assert isthmus("train", "digits", *words).code == 0
    said = isthmus("detect", tmp_path / "vae", "digits", "--by", "likelihood", "--draws", 1).out
    assert "are anomalous" in said
    assert "their −log p(x) is over" in said
    assert "their likelihood" not in said


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("--by", "likelihood"), "has no likelihood"),
        (("scores.txt",), "ends in .csv"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(isthmus, run, words, match, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = isthmus("detect", run / "run", run / "anomalous.csv", *words)
    assert said.code == 1
    assert match in said.err
    assert said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_unreadable_picture_is_named_counted_and_told_by_the_exit_code(isthmus, tmp_path):
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for place in range(6):
        noise = np.random.default_rng(place).integers(0, 255, (8, 8), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{place}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    assert isthmus("train", "digits", "-r", "pca", "-s", "code=8", "-o", tmp_path / "run", "-q").code == 0
    said = isthmus("detect", tmp_path / "run", folder, tmp_path / "scores.csv", "--mode", "L", "-q")
    assert said.code == 1
    assert "broken.png" in said.err
    assert "6 of 6 samples are anomalous" in said.out
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 7
