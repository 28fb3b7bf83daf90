"""Maps of tables: no panel covers another, and categories are called by name."""

from typing import Any

import numpy as np
import pytest
import torch

from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.drawing.look import Look
from isthmus.drawing.maps import Plane, draw_map
from isthmus.drawing.theme import LIGHT

CITIES = tuple(f"city {letter}" for letter in "abcdefgh")
LOOK = Look("table", Scaling(levels=(0, 8)), ("age", "city"), ((), CITIES))


def drawn(cities: list[int]) -> Any:
    """A map of six samples by a plane of two columns: an age, and these cities."""
    rows = torch.stack((torch.linspace(20, 70, len(cities)), torch.tensor(cities).float()), 1)
    plane = Plane(rows, torch.ones(len(rows), dtype=torch.bool), len(rows), 1, (-1e4, 1e4, 0.0, 1.0))
    points = torch.stack((torch.linspace(-1e4, 1e4, 6), torch.rand(6)), 1)
    return draw_map(points, Samples(torch.zeros(6, 2), kind="table"), ("a", "b"), LOOK, plane)


def panel(figure: Any, title: str) -> Any:
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def test_panels_stand_beside_the_samples_and_not_over_them():
    figure = drawn([2, 2, 5])
    figure.canvas.draw()
    left, *others = (axes.get_tightbbox() for axes in figure.axes)
    assert len(others) == 4  # two columns, each with its scale
    assert all(box.x0 >= left.x1 for box in others)


def test_categories_are_told_by_name_and_numbers_by_a_scale():
    figure = drawn([2, 2, 5])
    (image,) = panel(figure, "city").images
    assert [text.get_text() for text in image.colorbar.ax.get_xticklabels()] == ["city c", "city f"]
    assert image.get_array().tolist() == [[0, 0, 1]]
    (numbers,) = panel(figure, "age").images
    assert numbers.get_array().tolist() == [[20, 45, 70]]


def test_of_many_categories_the_commonest_are_named():
    cities = [0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 6, 7]
    (image,) = panel(drawn(cities), "city").images
    names = [text.get_text() for text in image.colorbar.ax.get_xticklabels()]
    assert names == ["city a", "city b", "city c", "city f", "city g", "others"]
    board = np.asarray(image.get_array())[0]
    assert board[[5, 6, 11]].tolist() == [5, 5, 5]  # three, four and seven are the others
    assert image.cmap(image.norm(5))[:3] == pytest.approx([int(LIGHT.faint[i : i + 2], 16) / 255 for i in (1, 3, 5)])
