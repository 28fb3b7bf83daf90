"""What an annotation says of an option."""

from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Interval

from isthmus.options import Option, described, options_of


class Choices:
    """Some choices."""

    count: Annotated[Annotated[int, Interval(ge=1, le=9)] | Literal["auto"], Option("How many.")] = 3
    share: Annotated[Annotated[float, Interval(gt=0, lt=1)] | None, Option("How much.", short="-s")] = None
    way: Annotated[Literal["left", "right"], Option("Where to.", spellings={"l": "left"})] = "left"
    sure: Annotated[bool | Literal["auto"], Option("Whether.", flag="--certain")] = "auto"
    rate: Annotated[float, Option("How fast.", chosen="chosen from the data")] = 1e-3
    epochs: Annotated[int, Option("How long.", chosen="chosen from the data")] = 20
    column: Annotated[str | int | None, Option("Which.")] = None
    other: int = 0


OPTIONS = options_of(Choices)


def test_fields_with_help_are_options_in_their_order():
    assert list(OPTIONS) == ["count", "share", "way", "sure", "rate", "epochs", "column"]


def test_the_flag_is_the_name_with_dashes_or_one_of_its_own():
    assert [OPTIONS[name].flag for name in ("count", "sure")] == ["--count", "--certain"]
    assert [OPTIONS[name].word for name in ("count", "sure")] == ["count", "certain"]


@pytest.mark.parametrize(
    ("name", "number", "choices", "bounds"),
    [
        ("count", int, ("auto",), {"ge": 1, "le": 9}),
        ("share", float, (), {"gt": 0, "lt": 1}),
        ("way", None, ("left", "right"), {}),
        ("sure", None, ("auto", "yes", "no"), {}),
        ("column", None, (), {}),
    ],
)
def test_type_choices_and_bounds_come_from_the_annotation(name, number, choices, bounds):
    defined = OPTIONS[name]
    assert (defined.number, defined.choices, defined.bounds) == (number, choices, bounds)


def test_a_single_bound_beside_the_type_is_found_too():
    class One:
        size: Annotated[int, Ge(2), Option("How large.")] = 2

    assert options_of(One)["size"].bounds == {"ge": 2}


@pytest.mark.parametrize(
    ("name", "value"),
    [("count", 9), ("count", "auto"), ("share", None), ("way", "right"), ("column", "a"), ("column", -1)],
)
def test_what_is_allowed_is_no_mistake(name, value):
    assert OPTIONS[name].mistake(value) == ""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("count", 0, "count=0: expected a whole number of 1 or more and of at most 9, or auto."),
        ("share", 1, "share=1: expected a number above 0 and below 1."),
        ("share", float("nan"), "share=nan: expected a number above 0 and below 1."),
        ("way", "rihgt", "way='rihgt' is unknown. Did you mean 'right'?"),
        ("way", None, "way=None is unknown. Known: left, right."),
    ],
)
def test_a_mistake_is_said_with_what_was_expected(name, value, said):
    assert OPTIONS[name].mistake(value) == said


def test_words_of_the_command_line_become_values_of_python():
    assert [OPTIONS["sure"].value(word) for word in ("yes", "no", "auto")] == [True, False, "auto"]
    assert [OPTIONS["way"].value(word) for word in ("l", "right")] == ["left", "right"]


def test_a_default_that_is_chosen_is_told_with_the_one_that_is_not():
    assert OPTIONS["rate"].default_words() == "0.001"
    assert OPTIONS["rate"].default_words(chosen=True) == "chosen from the data, or 0.001 with epochs="
    assert OPTIONS["epochs"].default_words(chosen=True) == "chosen from the data"
    assert OPTIONS["share"].default_words() == ""


def test_a_docstring_gets_the_help_of_every_option_before_the_errors():
    @described(Choices)
    class Checked(Choices):
        """Some choices, checked.

        Raises:
            ValueError: one won't do.
        """

    text = Checked.__doc__ or ""
    assert text.index("checked.") < text.index("count: How many.") < text.index("epochs: How long.")
    assert text.index("epochs: How long.") < text.index("Raises:")
