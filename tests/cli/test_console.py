"""How the command speaks."""

import json

import pytest
import typer

from isthmus.cli.console import ARGUMENTS, CHOICES, complain, figures, in_our_words, number, say_json, say_table
from isthmus.cli.main import app
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import RECIPES


@pytest.mark.parametrize(
    ("python", "here"),
    [
        ("Say missing='drop' to leave them out.", "Say --missing drop to leave them out."),
        ("such as size=(28, 28).", "such as --size 28x28."),
        ("try size=28.", "try --size 28."),
        ("columns=['a', 'b']", "--columns a,b"),
        ("header=False", "--no-header"),
        ("compile=False", "--compile no"),
        ("overwrite=True", "--force"),
        ("(clip=1)", "(--clip 1)"),
        ("learning_rate=1e-4, or", "--learning-rate 1e-4, or"),
        ("(missing=)", "(--missing)"),
        ("with categorical='auto', or", "with --categorical auto, or"),
        ("(mask=), or", "(--mask), or"),
        ("one without (skips=False, predicts='sample').", "one without (--set skips=false, --set predicts=sample)."),
        ("or a longer training; start=pca begins", "or a longer training; --set start=pca begins"),
        ("code=900 is larger", "code=900 is larger"),
        ("conv.channels=3", "conv.channels=3"),
    ],
)
def test_a_message_speaks_of_options_and_not_of_arguments(python, here):
    assert in_our_words(python) == here


def test_the_arguments_that_are_reworded_are_options_of_some_command():
    commands = typer.main.get_command(app).commands.values()  # pyright: ignore[reportAttributeAccessIssue]
    options = {parameter.name.rstrip("_") for command in commands for parameter in command.params}
    assert set(ARGUMENTS) <= options | {"overwrite"}


def test_the_choices_that_are_reworded_are_options_of_some_recipe():
    options = {option for row in RECIPES.values() for option in row.blueprint.options()}
    assert set(CHOICES) <= options | set(Blueprint.model_fields)


def test_an_error_is_one_line(capsys):
    complain("one\n two")
    assert capsys.readouterr() == ("", "isthmus: one two\n")


def test_json_has_no_words_that_json_does_not_know(capsys):
    say_json({"a": float("nan"), "b": [float("inf"), 1.5], "ä": None})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "ä": None}


def test_a_piped_table_loses_nothing_of_a_wide_cell(capsys):
    say_table(("name", "value"), [("x", "y" * 200), ("[bold]", "[/]")])
    out = capsys.readouterr().out
    assert "y" * 200 in out
    assert "[bold]" in out


def test_figures_leave_out_what_is_not_there():
    head, rows = figures({"mse": {"model": 0.012346, "mean": None}})
    assert head == ["", "model", "mean"]
    assert rows == [["mse", "0.01235", "–"]]


def test_numbers_have_four_digits():
    assert [number(value) for value in (5.123456, 1e-7, 12345.6, None, float("nan"))] == [
        "5.123",
        "1.000×10⁻⁷",
        "12,346",
        "–",
        "–",
    ]
