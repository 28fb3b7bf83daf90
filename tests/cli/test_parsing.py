"""How the values of options are read."""

from pathlib import Path

import pytest
import typer

from isthmus.cli.parsing import ending, names, number, settings, size
from isthmus.options import TrainingOptions, options_of

TRAINING = options_of(TrainingOptions)


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


@pytest.mark.parametrize("name", ["a.csv", "a", "a.png.zip"])
def test_a_picture_says_by_its_name_that_it_is_one(name):
    assert ending(Path("a.PNG"), ".png") == Path("a.PNG")
    with pytest.raises(typer.BadParameter, match=f"--picture {name}: expected a path that ends in .png"):
        ending(Path(name), ".png", called="--picture")


def test_names_come_one_by_one_or_separated_by_commas():
    assert names(["age, height", "weight"]) == ["age", "height", "weight"]
    assert names([]) is None
    assert names(None) is None


@pytest.mark.parametrize(("text", "sides"), [("28", (28, 28)), ("28x32", (28, 32)), ("28, 32", (28, 32))])
def test_a_size_is_one_number_or_height_and_width(text, sides):
    assert size(text) == sides


@pytest.mark.parametrize("text", ["", "28x", "x28", "0", "-3", "28x28x3", "large"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(typer.BadParameter, match="is not a size"):
        size(text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("epochs", "3", 3), ("learning_rate", "1e-3", 1e-3), ("batch_size", "auto", "auto"), ("clip", "0", 0.0)],
)
def test_a_number_is_read_within_its_bounds(name, text, value):
    assert number(TRAINING[name], text) == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("epochs", "0", "a whole number of 1 or more"),
        ("epochs", "1.5", "a whole number of 1 or more"),
        ("epochs", "9007199254740993", "a whole number of 1 or more"),
        ("learning_rate", "0", "a number above 0"),
        ("learning_rate", "nan", "a number above 0"),
        ("learning_rate", "inf", "a number above 0"),
        ("momentum", "1", "a number of 0 or more and below 1"),
        ("batch_size", "many", "a whole number of 1 or more, or auto"),
    ],
)
def test_a_number_out_of_its_bounds_is_refused_with_the_bounds(name, text, expected):
    with pytest.raises(typer.BadParameter, match=f"{text}.*: expected {expected}"):
        number(TRAINING[name], text)
