"""The stack: what goes in comes out, at the cost that its probabilities say, and popping is undone by pushing."""

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from isthmus.codec.stack import FLOOR, Levels, Stack, Tabled
from isthmus.exact import functions
from isthmus.extras import MissingPackageError


def _levels(count: int, mean: Tensor, deviation: Tensor, guess: Tensor | None = None) -> Levels:
    """Normal distributions, cut into levels."""

    def cumulative(rows: Tensor, level: Tensor) -> Tensor:
        return functions.normal_cdf((level.double() - 0.5 - mean[rows]) / deviation[rows])

    guess = mean.nan_to_num(0).clamp(0, count - 1).round().long() if guess is None else guess
    return Levels(count, cumulative, guess, deviation.nan_to_num(1).long().clamp(min=1))


def _probabilities(levels: Levels, symbols: Tensor) -> Tensor:
    rows = torch.arange(len(symbols))

    def below(level: Tensor) -> Tensor:
        inside = (1 - levels.count * FLOOR) * levels.cumulative(rows, level) + FLOOR * level.double()
        return torch.where(level <= 0, 0.0, torch.where(level >= levels.count, 1.0, inside))

    return below(symbols + 1) - below(symbols)


@settings(max_examples=80)
@given(
    count=st.sampled_from([1, 2, 3, 17, 256, 2**14, 2**24, 2**40]),
    mean=st.floats(-1e9, 1e9) | st.sampled_from([math.nan, 0.0]),
    deviation=st.sampled_from([1e-300, 1e-3, 0.3, 2.0, 1e4, 1e300]),
    where=st.lists(st.floats(0, 1), max_size=20),
)
def test_numbers_come_back_under_any_distribution(
    count: int, mean: float, deviation: float, where: list[float]
) -> None:
    symbols = torch.tensor([min(count - 1, int(at * count)) for at in where], dtype=torch.int64)
    every = torch.ones(len(where), dtype=torch.float64)
    levels = _levels(count, mean * every, deviation * every)
    stack = Stack()
    stack.push(symbols, levels)
    assert torch.equal(Stack(stack.words()).pop(levels), symbols)


@given(guess=st.integers(-5, 300))
def test_the_guess_changes_no_result(guess: int) -> None:
    symbols = torch.arange(256)
    mean = torch.linspace(0, 255, 256, dtype=torch.float64)
    levels = _levels(256, mean, torch.full_like(mean, 3.0), torch.full_like(symbols, guess))
    stack = Stack()
    stack.push(symbols, levels)
    assert torch.equal(stack.pop(levels), symbols)
    assert len(stack) == 0


@pytest.mark.parametrize(("count", "deviation"), [(2, 0.7), (256, 20.0), (2**14, 250.0), (2**40, 2.0**33)])
def test_the_cost_is_what_the_probabilities_say(count: int, deviation: float) -> None:
    mean = torch.full((20_000,), count / 2, dtype=torch.float64)
    drawn = mean + deviation * torch.randn(20_000, dtype=torch.float64)
    symbols = drawn.round().long().clamp(0, count - 1)
    levels = _levels(count, mean, torch.full_like(mean, deviation))
    stack = Stack()
    stack.push(symbols, levels)
    ideal = -float(_probabilities(levels, symbols).log2().sum())
    assert ideal - 1 <= len(stack) <= 1.001 * ideal + 64


def test_a_number_far_from_the_guess_costs_some_44_bits() -> None:
    every = torch.zeros(50, dtype=torch.float64)
    levels = _levels(2**20, every, every + 1)
    stack = Stack()
    stack.push(torch.full((50,), 2**20 - 1), levels)
    assert len(stack) < 50 * 64
    assert torch.equal(stack.pop(levels), torch.full((50,), 2**20 - 1))


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31), words=st.integers(0, 40), tabled=st.booleans())
def test_pushing_what_was_popped_restores_the_bits(seed: int, words: int, tabled: bool) -> None:
    random = np.random.default_rng(seed)
    bits = np.maximum(random.integers(0, 2**32, words, dtype=np.uint32), 1)
    stack = Stack(bits)
    if tabled:
        distribution = Tabled([random.dirichlet(np.ones(n)) for n in (2, 5)], random.integers(0, 2, 30))
    else:
        mean = torch.from_numpy(random.normal(500, 100, 30))
        distribution = _levels(1000, mean, torch.full_like(mean, 9.0))
    popped = stack.pop(distribution)
    stack.push(popped, distribution)
    assert np.array_equal(stack.words(), bits)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=60))
def test_numbers_of_several_tables_come_back(given_: list[tuple[int, int]]) -> None:
    tables = [np.array([0.25] * 4), np.array([1e-9, 1.0, 1e-9, 1e-3]), np.array([0.7, 0.1, 0.1, 0.1])]
    tabled = Tabled(tables, np.array([table for table, _ in given_], np.int64))
    symbols = torch.tensor([symbol for _, symbol in given_], dtype=torch.int64)
    stack = Stack()
    stack.push(symbols, tabled)
    assert torch.equal(stack.pop(tabled), symbols)
    assert len(stack) == 0


def test_tables_cost_their_entropy() -> None:
    probabilities = np.array([0.9, 0.05, 0.03, 0.02])
    symbols = torch.from_numpy(np.random.default_rng(0).choice(4, 50_000, p=probabilities))
    stack = Stack()
    stack.push(symbols, Tabled([probabilities], np.zeros(50_000, np.int64)))
    ideal = -np.log2(probabilities)[symbols.numpy()].sum()
    assert ideal - 1 <= len(stack) <= 1.001 * ideal + 64


def test_without_the_library_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'isthmus\[codec\]'"):
        Stack()
