"""How messages and help texts speak of options."""

import pytest
import typer

from isthmus.cli.main import app
from isthmus.cli.wording import CHOICES, OWN, SHARED, in_our_words
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
        ("Train with out=….", "Train with --out …."),
        ("or say jobs=1.", "or say --jobs 1."),
        ("seed=3 of two kinds", "seed=3 of two kinds"),
        ("code=900 is larger", "code=900 is larger"),
        ("conv.channels=3", "conv.channels=3"),
    ],
)
def test_a_message_speaks_of_options_and_not_of_arguments(python, here):
    assert in_our_words(python) == here


def test_the_arguments_that_are_reworded_are_options_of_some_command():
    commands = typer.main.get_command(app).commands.values()  # pyright: ignore[reportAttributeAccessIssue]
    options = {parameter.name.rstrip("_") for command in commands for parameter in command.params}
    assert {name for name in OWN if name != "overwrite"} | {one.word for one in SHARED.values()} <= options


def test_the_choices_that_are_reworded_are_options_of_some_recipe():
    options = {option for row in RECIPES.values() for option in row.blueprint.options()}
    assert set(CHOICES) <= options | set(Blueprint.model_fields)
