"""Rows of a table: categories stand in words, numbers as lines."""

import torch

from isthmus.data.scaling import Scaling
from isthmus.drawing.animation import animation
from isthmus.drawing.look import Look
from isthmus.drawing.rows import category_names, column_lines, sample_rows

MIXED = Look("table", Scaling(levels=(0, 2)), ("size", "colour"), ((), ("red", "green")))
ROWS = torch.tensor([[1.0, 0.0], [2.0, 0.0], [3.0, 1.0]])


def test_categories_are_no_heights():
    lines, names = column_lines({"a": ROWS}, MIXED)
    assert names == ["size"]
    assert lines["a"].tolist() == [[1], [2], [3]]


def test_what_they_become_stands_above():
    assert category_names(ROWS, MIXED) == ["red", "red", "green"]
    (panel,) = sample_rows({"way": ROWS}, MIXED).axes
    assert panel.get_title(loc="left") == "way: red → green"


def test_what_is_missing_is_called_so_and_not_nan():
    assert category_names(torch.tensor([[1.0, torch.nan]]), MIXED) == ["missing"]
    assert MIXED.told(0, float("nan")) == "missing"


def test_legend_names_every_sample_with_a_caption_those_in_the_middle_too():
    figure = sample_rows({"way": ROWS}, MIXED, captions=["first", "middle", "last"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["first", "middle", "last"]


def test_table_of_categories_alone_can_be_drawn_and_animated():
    look = Look("table", Scaling(levels=(2,)), ("colour",), (("red", "green"),))
    assert sample_rows({"way": ROWS[:, 1:]}, look).axes
    assert len(animation({"way": ROWS[:, 1:]}, look)) == 3
