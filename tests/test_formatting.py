"""Numerals: one way of writing numbers and shares."""

import doctest
import math

import pytest

from isthmus import formatting
from isthmus.formatting import number, percent


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (None, "–"), (math.nan, "–"), (9.9996, "10.0"), (1.5, "1.50"), (0.012345, "0.0123"), (1234.5, "1,234"),
    (3.0, "3"), (-52821.4, "−52,821"),
    (-2.5, "−2.50"), (1.5e-7, "1.50×10⁻⁷"), (2e9, "2.00×10⁹"), (99999.9, "100,000"), (999.7, "1,000"),
])  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("share", "text"), [
    (0.5, "50.0"), (-0.12, "−12.0"), (0.99991, "99.99"), (1, "100.00"), (-1e-9, "0"), (0.0004, "0.04")
])  # fmt: skip
def test_percentages_are_finer_near_their_ends(share, text):
    assert percent(share) == f"{text}\u202f%"


def test_a_share_may_be_asked_for_without_decimals():
    assert percent(0.987, 0) == "99\u202f%"


def test_examples_in_the_docstrings_are_true():
    assert doctest.testmod(formatting).failed == 0
