"""`isthmus traverse`."""

import json

import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_grid_is_written_and_what_each_number_does_is_told(isthmus, trained):
    said = isthmus("traverse", trained, "test:3", "--most", "4", "--out", "a.png")
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1] == "a.png"
    assert said.out.count("pixels") == 4
    assert "4 more of 8 numbers matter less: --most 8 shows all." in said.out
    with Image.open("a.png") as picture:
        assert picture.width > 700


def test_json_tells_the_same(isthmus, trained):
    found = json.loads(isthmus("traverse", trained, "--numbers", "2,5", "--out", "a.png", "--json").out)
    assert {row["number"] for row in found["numbers"]} == {2, 5}
    assert found["sample"] == "test:0"
    assert found["files"] == ["a.png"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--numbers", "8"), 1, "no latent dimension 8: it has 8 (0 to 7)"),
        (("--numbers", "x"), 2, "'x' is no whole number"),
        (("--by", "kl"), 1, "code has no KL"),
        (("test:9000",), 1, "no sample 9000"),
        (("--out", "a.jpg"), 2, "expected a path that ends in .png"),
    ],
)
def test_wrong_use_is_one_line_that_says_what_to_do(isthmus, trained, words, code, message):
    said = isthmus("traverse", trained, "--out", "b.png", *words)
    assert said.code == code
    assert message in said.err
    assert said.err.count("\n") == 1


def test_what_is_there_is_left_alone_without_force(isthmus, trained, here):
    (here / "a.png").write_text("mine")
    assert "is there already" in isthmus("traverse", trained, "--out", "a.png").err
    assert (here / "a.png").read_text() == "mine"
