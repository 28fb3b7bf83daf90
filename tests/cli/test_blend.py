"""`isthmus blend`."""

import json

import numpy as np
import pytest
from PIL import Image, ImageSequence


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_strip_and_an_animation_are_written_and_the_distances_told(isthmus, trained):
    said = isthmus("blend", trained, "test:3", "8", "--out", "strip.png", "--out", "moving.gif")
    assert said.code == 0, said.err
    assert said.out.splitlines()[-2:] == ["strip.png", "moving.gif"]
    assert "content" in said.out
    with Image.open("strip.png") as strip, Image.open("moving.gif") as gif:
        assert strip.width > 700
        assert len(list(ImageSequence.Iterator(gif))) == 48


def test_json_tells_the_distances_and_the_files(isthmus, trained):
    said = isthmus("blend", trained, "3", "8", "12", "--steps", "3", "--out", "a.png", "--json")
    found = json.loads(said.out)
    assert found["samples"] == ["test:3", "test:8", "test:12"]
    assert len(found["ways"]["linear"]["distance"]) == 5
    assert found["files"] == ["a.png"]


def test_the_samples_of_one_way_are_written_as_decode_writes_them(isthmus, trained):
    assert isthmus("blend", trained, "3", "8", "--ways", "linear", "--out", "a.npy", "--quiet").out == "a.npy\n"
    assert np.load("a.npy").shape == (7, 1, 8, 8)
    said = isthmus("blend", trained, "3", "8", "--out", "b.npy")
    assert said.code == 1
    assert "samples of one way: say which of content, linear, spherical" in said.err


def test_what_is_there_is_left_alone_without_force(isthmus, trained, here):
    (here / "a.png").write_text("mine")
    said = isthmus("blend", trained, "3", "8", "--out", "a.png")
    assert said.code == 1
    assert "a.png is there already" in said.err
    assert (here / "a.png").read_text() == "mine"
    assert isthmus("blend", trained, "3", "8", "--out", "a.png", "--force").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("3",), "expected two samples or more"),
        (("3", "9000"), "no sample 9000 in the test part: it has 180"),
        (("3", "digits"), "digits has 1797 samples: expected one"),
        (("3", "gone.png"), "gone.png"),
        (("3", "8", "--ways", "linaer"), "Did you mean 'linear'?"),
    ],
)
def test_wrong_use_is_one_line_that_says_what_to_do(isthmus, trained, words, message):
    said = isthmus("blend", trained, *words, "--out", "a.png")
    assert said.code != 0
    assert message in said.err
    assert said.err.count("\n") == 1
