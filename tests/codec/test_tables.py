"""Learnt tables: close to the entropy, and the same after packing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.codec.packing import DamagedError, Reader, numbers
from isthmus.codec.stack import Stack
from isthmus.codec.tables import MOST, Tables, each_place


def _round_trip(symbols: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, Tables, int]:
    tables, stack = Tables.learn(symbols, of), Stack()
    tables.push(stack, symbols)
    reader = Reader(tables.pack())
    read = Tables.unpack(reader, of)
    assert reader.left == 0
    return read.pop(Stack(stack.words()), len(symbols)), tables, len(stack)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    rows=st.integers(0, 30),
    tables=st.integers(1, 5),
    spread=st.sampled_from([0, 1, 3, 300]),
)
def test_symbols_come_back(seed: int, rows: int, tables: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    of = np.concatenate([np.arange(tables), random.integers(0, tables, 3)])
    symbols = random.integers(-spread, spread + 1, (rows, len(of))) + random.integers(-1000, 1000)
    made, _, _ = _round_trip(symbols, of)
    assert np.array_equal(made, symbols)


def test_symbols_cost_their_entropy_and_what_bits_says() -> None:
    random = np.random.default_rng(0)
    symbols = random.choice(6, (20_000, 2), p=[0.6, 0.2, 0.1, 0.05, 0.04, 0.01])
    _, tables, bits = _round_trip(symbols, np.arange(2))
    shares = [np.bincount(column) / len(column) for column in symbols.T]
    entropy = -sum(len(symbols) * (share * np.log2(share)).sum() for share in shares)
    assert entropy <= bits <= 1.002 * entropy + 64
    assert tables.bits(symbols) == pytest.approx(bits, rel=1e-3, abs=64)


def test_one_symbol_costs_next_to_nothing_and_outliers_on_both_sides_come_back() -> None:
    made, _, bits = _round_trip(np.full((1000, 3), 7), np.zeros(3, np.int64))
    assert (made == 7).all()
    assert bits <= 64
    wide = np.array([[-(2**15)], [0], [2**15]])
    assert np.array_equal(_round_trip(wide, np.zeros(1, np.int64))[0], wide)


@pytest.mark.parametrize(
    ("low", "sizes", "weights"),
    [
        ([0], [2], [1, 1]),
        ([0, 0], [2, 1], [1, 1, 1]),
        ([0, 0], [2, MOST + 1], [1, 1]),
        ([0, 0], [2, 2], [1, 1, 1]),
        ([0, 0], [2, 2], [1, 1, 1, 256]),
        ([0, 0], [2, 2], [1, 1, 1, -1]),
        ([0, 0], [2, -2], [1, 1, 1, 1]),
    ],
)
def test_tables_that_cannot_be_right_are_damage(low: list[int], sizes: list[int], weights: list[int]) -> None:
    content = numbers(low) + numbers(sizes) + numbers(weights)
    with pytest.raises(DamagedError):
        Tables.unpack(Reader(content), np.array([0, 1]))


def test_large_codes_have_a_table_for_each_channel() -> None:
    assert np.array_equal(each_place((3, 2)), np.arange(6))
    assert np.array_equal(each_place((2, 40, 40)), np.repeat([0, 1], 1600))
    assert np.array_equal(each_place((2000,)), np.arange(2000))
