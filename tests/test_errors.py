"""Errors: their kinds, remarks, and the nearest names."""

import doctest
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import errors
from isthmus.data import read_samples
from isthmus.errors import (
    BlueprintError,
    DataError,
    IsthmusError,
    Remark,
    RunError,
    TrainingError,
    nearest,
    remark,
    renamed,
)


@pytest.mark.parametrize("kind", [DataError, BlueprintError, RunError, TrainingError])
def test_every_error_is_caught_as_isthmus_own(kind):
    assert issubclass(kind, IsthmusError)
    assert str(kind("said")) == "said"


def test_wrong_values_are_caught_as_python_expects():
    assert issubclass(DataError, ValueError)
    assert issubclass(BlueprintError, ValueError)
    assert issubclass(TrainingError, ArithmeticError)


def test_a_remark_is_a_warning_that_points_at_the_caller():
    def somebody():
        remark("worth knowing")

    with pytest.warns(Remark, match="worth knowing") as caught:
        somebody()
    assert caught[0].filename == __file__


def test_a_remark_points_at_the_line_that_called_isthmus_however_deep_it_was_made():
    like = {"shape": [1, 2, 3], "kind": "pictures", "dtype": "uint8"}
    with pytest.warns(Remark, match=r"^The ndarray has values up to 1") as caught:
        read_samples(np.ones((2, 1, 2, 3), np.float32), like=like)
    assert [(one.filename, one.lineno) for one in caught] == [(__file__, _line_of("read_samples(np.ones"))]


def _line_of(text):
    return next(n for n, line in enumerate(Path(__file__).read_text().splitlines(), 1) if line.strip().startswith(text))


def test_a_message_about_an_object_in_memory_begins_as_a_sentence():
    assert str(DataError("the DataFrame has no rows.")) == "The DataFrame has no rows."
    assert str(DataError("the.csv is empty.")) == "the.csv is empty."


def test_a_remark_is_made_once_a_place():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            remark("again")
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("depe", ["deep", "conv"], "Did you mean 'deep'?"),
        ("MSE", ["mse", "sse", "bce"], "Did you mean 'mse' or 'sse'?"),
        ("relu", ["ReLU", "GELU"], "Did you mean 'ReLU'"),
        ("xyz", ["deep", "conv"], "Known: deep, conv."),
        ("xyz", [], "There are none here."),
        (
            "xyz",
            map(str, range(500)),
            "Known: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 and more.",
        ),
    ],
)
def test_the_nearest_names_are_offered(name, known, words):
    assert nearest(name, known).startswith(words)


@given(st.text(max_size=20), st.lists(st.text(min_size=1, max_size=10)))
def test_nearest_always_has_an_answer(name, known):
    assert nearest(name, known).endswith((".", "?"))


@given(st.lists(st.text("abcdef", min_size=3), min_size=1))
def test_a_name_that_is_known_is_its_own_nearest(known):
    assert nearest(known[0], known).startswith("Did you mean")
    assert repr(known[0]) in nearest(known[0], known)


def test_examples_in_the_docstrings_are_true():
    assert doctest.testmod(errors).failed == 0


def test_a_column_that_may_be_meant_is_offered():
    assert renamed(["weight"], ["city", "Weight"]) == "Is 'Weight' meant to be 'weight'? Add or rename them."
    assert renamed(["weight"], ["city"]) == "Add or rename them."
