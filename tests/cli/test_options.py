"""How the command line's words are read."""

from pathlib import Path

import pytest
import typer

from isthmus.cli.options import ending, make_way, names, settings
from isthmus.cli.train import free_folder, stem
from isthmus.errors import DataError


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("code=32", 32),
        ("widths=128,64", [128, 64]),
        ("widths=256,", [256]),
        ("widths=[128, 64]", [128, 64]),
        ("activation=leaky-relu", "leaky-relu"),
        ("tied=true", True),
        ("tied=True", True),
        ("normalisation=null", None),
        ("dropout=0.1", 0.1),
        ("note=a=b", "a=b"),
        ("empty=", ""),
        ("distance=bce", "bce"),
    ],
)
def test_a_setting_is_json_where_it_can_be_and_text_otherwise(word, value):
    assert list(settings([word]).values()) == [value]


def test_a_setting_may_name_the_part_and_may_be_written_with_dashes():
    assert settings(["code.activation=relu", "some-thing=1"]) == {"code.activation": "relu", "some_thing": 1}


@pytest.mark.parametrize("words", [["code"], ["=32"], ["9code=1"], ["a b=1"], ["code=1", "code=2"]])
def test_what_is_no_setting_is_refused(words):
    with pytest.raises(typer.BadParameter, match="--set"):
        settings(words)


def test_two_results_are_not_written_into_one_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="two results"):
        make_way(Path("map.png"), tmp_path / "map.png", force=True)
    make_way(Path("map.png"), tmp_path / "map.html", force=False)


@pytest.mark.parametrize("name", ["a.csv", "a", "a.png.zip"])
def test_a_picture_says_by_its_name_that_it_is_one(name):
    assert ending(Path("a.PNG"), ".png") == Path("a.PNG")
    with pytest.raises(typer.BadParameter, match=f"--picture {name}: expected a path that ends in .png"):
        ending(Path(name), ".png", called="--picture")


def test_names_come_one_by_one_or_separated_by_commas():
    assert names(["age, height", "weight"]) == ["age", "height", "weight"]
    assert names([]) is None
    assert names(None) is None


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("digits", "digits"),
        ("/data/wine.csv", "wine"),
        ("train-images-idx3-ubyte.gz", "train-images"),
        ("my pictures.zip", "my-pictures"),
        ("photos/", "photos"),
        ("../data.v2.parquet", "data.v2"),
        ("/", "data"),
    ],
)
def test_a_run_is_named_for_its_source(source, name):
    assert stem(source) == name


def test_a_taken_folder_gets_a_number(tmp_path):
    folder = tmp_path / "digits-deep"
    assert free_folder(folder) == folder
    folder.mkdir()
    assert free_folder(folder).name == "digits-deep-2"
    (tmp_path / "digits-deep-2").mkdir()
    assert free_folder(folder).name == "digits-deep-3"
