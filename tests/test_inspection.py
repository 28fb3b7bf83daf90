"""`ist.inspect`: what a source holds."""

import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import isthmus as ist
from isthmus.errors import DataError, Remark

ROWS = 200


def people() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "person_id": np.arange(ROWS),
            "age": np.where(np.arange(ROWS) % 20 == 0, np.nan, generator.integers(18, 90, ROWS)),
            "place": generator.choice(["Rome", "Oslo"], ROWS, p=[0.9, 0.1]),
            "since": pd.date_range("2020-01-01", periods=ROWS, freq="3D"),
            "note": [f"what was said about it in row {row}" for row in range(ROWS)],
        }
    )


@pytest.fixture(scope="module")
def found() -> ist.Inspection:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        return ist.inspect(people())


def test_every_column_is_described(found):
    facts = {one.name: one for one in found.columns}
    assert list(facts) == list(people().columns)
    assert [one.kind for one in found.columns] == ["id", "number", "category", "date", "text"]
    assert (facts["age"].missing, facts["age"].becomes) == (10, "1 number")
    assert facts["place"].values.startswith("Rome 87")
    assert facts["place"].distinct == 2
    assert facts["since"].values.startswith("2020-01-01")
    assert facts["since"].becomes == "1 number and 4 for its place in the week, year"
    assert (facts["note"].becomes, facts["note"].why) == ("left out", "free text")
    assert sum(facts["place"].counts) == ROWS


def test_printing_it_shows_a_table(found):
    lines = str(found).splitlines()
    assert "samples 200" in lines[0]
    assert len(lines) == 2 + len(found.columns)
    assert "left out (identifies rows)" in str(found)


def test_options_change_what_is_found():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        facts = {one.name: one for one in ist.inspect(people(), types="age=category,person_id=number").columns}
    assert facts["age"].kind == "category"
    assert facts["person_id"].becomes == "1 number"


def test_the_page_has_the_table_and_the_distributions(found, tmp_path):
    page = found.page(tmp_path / "page.html").read_text()
    assert all(one.name in page for one in found.columns)
    assert page.count("data:image/png") == 2  # light and dark
    assert "<script" not in page


def test_other_sources_are_described_by_their_samples(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(3):
        Image.new("L", (6, 5), 40 * number).save(tmp_path / "a" / f"{number}.png")
    facts = ist.inspect(tmp_path).facts
    assert (facts["samples"], facts["kind"], facts["shape"]) == ("3", "pictures", "1 × 5 × 6")
    assert facts["values"] == "0 to 80, uint8"
    assert ist.inspect("digits").facts["labels"].startswith("3 (183)")
    assert not ist.inspect(np.ones((3, 4))).columns


def test_what_can_not_be_read_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\0\1")
    with pytest.raises(DataError):
        ist.inspect(tmp_path / "a.csv")
