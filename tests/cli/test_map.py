"""`isthmus map`."""

import json

import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_picture_and_a_page_are_written_and_the_map_is_judged(isthmus, trained, here):
    said = isthmus("map", trained, "--way", "pca", "--out", "a.png", "--out", "a.html")
    assert said.code == 0, said.err
    assert said.out.splitlines()[-2:] == ["a.png", "a.html"]
    assert "trustworthiness" in said.out
    assert "PCA of the data" in said.out
    with Image.open("a.png") as picture:
        assert picture.width > 1000
    assert (here / "a.html").read_text().startswith("<!doctype html>")


def test_json_tells_where_each_sample_lies(isthmus, trained):
    words = ("--part", "test", "--most", "20", "--way", "pca", "--across", "0", "--out", "a.png", "--json")
    found = json.loads(isthmus("map", trained, *words).out)
    assert len(found["points"]) == 20
    assert found["way"] == "pca"
    assert set(found["quality"]) == {"map", "pca"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--way", "code"), 1, "has 8 latent dimensions, but --way code needs one or two. Choose --way tsne"),
        (("--way", "tsen"), 2, "tsne"),
        (("--out", "a.jpg"), 2, "expected a path that ends in .png or .html"),
        (("gone.csv",), 1, "gone.csv"),
    ],
)
def test_wrong_use_is_one_line_that_says_what_to_do(isthmus, trained, words, code, message):
    said = isthmus("map", trained, "--out", "b.png", *words)
    assert said.code == code
    assert message in said.err
    assert said.err.count("\n") == 1


def test_what_is_there_is_left_alone_without_force(isthmus, trained, here):
    (here / "a.html").write_text("mine")
    assert "is there already" in isthmus("map", trained, "--out", "a.html").err
    assert (here / "a.html").read_text() == "mine"
