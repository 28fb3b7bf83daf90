"""Grids: samples' values are on them exactly, or within the error that was allowed."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.codec.grid import Grid
from isthmus.data.samples import Samples
from isthmus.errors import UseError


def _samples(values: Any, kind: Any = "table", columns: tuple[str, ...] = ()) -> Samples:
    return Samples(values=torch.as_tensor(values), kind=kind, columns=columns)


def _again(grid: Grid, places: int) -> Grid:
    return Grid.from_json(json.loads(json.dumps(grid.to_json())), places)


def _comes_back(samples: Samples) -> Grid:
    grid, raw = Grid.natural(samples), samples.tensor().flatten(1)
    for one in (grid, _again(grid, raw.shape[1])):
        levels = one.levels(raw)
        assert bool(((levels >= 0) & (levels < torch.from_numpy(one.count))).all())
        made = one.raw(levels).to(raw.dtype)
        known = ~raw.isnan() if raw.is_floating_point() else torch.ones_like(raw, dtype=torch.bool)
        assert torch.equal(made[known], raw[known])
    return grid


@pytest.mark.parametrize("used", [[0, 255], [7], [3, 4, 9], list(range(64)), list(range(256))])
def test_bytes_come_back(used: list[int]) -> None:
    values = np.random.default_rng(0).choice(used, (50, 1, 3, 2)).astype(np.uint8)
    grid = _comes_back(_samples(values, "pictures"))
    few = 2 <= len(np.unique(values)) <= 64
    assert (grid.values is not None) == few


@settings(max_examples=60)
@given(
    st.integers(0, 6),
    st.lists(st.integers(-(2**19), 2**19) | st.none(), min_size=1, max_size=20),
    st.integers(-(2**24), 2**24),
)
def test_decimals_whole_numbers_constants_and_holes_come_back(
    decimals: int, steps: list[int | None], constant: int
) -> None:
    numbers = np.array([np.nan if step is None else step / 10**decimals for step in steps], np.float32)
    columns = [numbers, np.full(len(steps), constant), np.full(len(steps), np.nan)]
    _comes_back(_samples(np.stack(columns, 1).astype(np.float32)))


def test_each_column_of_a_table_has_its_own_grid() -> None:
    values = np.array([[0.5, -3, 1000.25], [1.0, 4, -0.75]], np.float32)
    grid = _comes_back(_samples(values))
    assert grid.step.tolist() == [0.1, 1, 0.01]
    assert grid.count.tolist() == [6, 8, 100101]


def test_pictures_of_float32_share_a_grid() -> None:
    values = np.random.default_rng(0).integers(0, 9, (4, 1, 3, 3)).astype(np.float32) / 8
    assert len(_comes_back(_samples(values, "pictures")).step) == 1


def test_noise_is_refused_in_one_line_that_names_the_column_and_the_way_out() -> None:
    values = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    values[:, 0] = 1
    with pytest.raises(UseError, match=r"column 'speed' .*max_error") as told:
        Grid.natural(_samples(values, columns=("size", "speed")))
    assert "\n" not in str(told.value)
    with pytest.raises(UseError, match="the samples contain"):
        Grid.natural(_samples(values[:, None, 1:], "series"))


@settings(max_examples=80)
@given(
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30),
    error=st.floats(0.5, 1e7),
)
def test_the_error_is_never_exceeded(values: list[float], error: float) -> None:
    raw = torch.tensor(values, dtype=torch.float32)[:, None]
    grid = Grid.within(_samples(raw), error)
    made = _again(grid, 1).raw(grid.levels(raw)).float()
    assert float((made.double() - raw.double()).abs().max()) <= error


@settings(max_examples=40)
@given(values=st.lists(st.integers(0, 255), min_size=1, max_size=30), error=st.floats(0.001, 1e9))
def test_the_error_of_bytes_is_never_exceeded(values: list[int], error: float) -> None:
    raw = torch.tensor(values, dtype=torch.uint8)[:, None]
    grid = Grid.within(_samples(raw), error)
    made = grid.raw(grid.levels(raw)).round().clamp(0, 255)
    assert float((made - raw.double()).abs().max()) <= error


def test_an_error_finer_than_float32_is_refused() -> None:
    with pytest.raises(UseError, match="finer than float32"):
        Grid.within(_samples(torch.tensor([[1e6], [3.0]])), 1e-3)


def test_positions_between_few_values_and_boundaries_are_in_the_middle() -> None:
    grid = Grid.natural(_samples(np.array([[0], [10], [255]], np.uint8), "pictures"))
    raw = torch.tensor([[0.0, 5.0, 10.0, 255.0, 300.0]], dtype=torch.float64)
    assert grid.position(raw)[0, :4].tolist() == [0, 0.5, 1, 2]
    assert grid.boundary(torch.tensor([1, 2]), torch.tensor([0, 0])).tolist() == [5, 132.5]


@pytest.mark.parametrize(
    "fields",
    [
        *({}, [], None, 5, {"values": []}, {"values": [2, 1]}, {"values": [0, float("nan")]}, {"values": ["x", 1]}),
        *({"low": [0], "step": [0], "count": [2]}, {"low": [0], "step": [1], "count": [0]}),
        *({"low": [0, 0], "step": [1], "count": [2]}, {"low": [0, 0], "step": [1, 1], "count": [2, 2]}),
        *({"low": [float("inf")], "step": [1], "count": [2]}, {"low": [0], "step": [1], "count": [2**50]}),
        {"low": [0], "step": [1], "count": [10**30]},
    ],
)
def test_fields_that_are_no_grid_are_refused(fields: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, OverflowError)):
        Grid.from_json(fields, 3)
