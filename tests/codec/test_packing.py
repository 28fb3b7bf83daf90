"""Values in few bytes: they come back, and other bytes are damage."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.codec.packing import DamagedError, Reader, number, numbers, part

WHOLE = st.integers(-(2**60), 2**60)


@given(st.integers(0, 2**62), st.binary(max_size=300), st.lists(WHOLE, max_size=50))
def test_values_come_back_in_their_order(value: int, content: bytes, values: list[int]) -> None:
    reader = Reader(number(value) + part(content) + numbers(values) + b"end")
    assert reader.number() == value
    assert reader.part() == content
    assert reader.numbers(50).tolist() == values
    assert reader.take(3) == b"end"
    assert reader.left == 0


def test_a_small_number_takes_one_byte() -> None:
    assert [len(number(value)) for value in (0, 127, 128, 2**14)] == [1, 1, 2, 3]


@given(st.lists(WHOLE, min_size=1, max_size=9), st.data())
def test_what_ends_too_soon_is_damage(values: list[int], data: st.DataObject) -> None:
    content = numbers(values)
    with pytest.raises(DamagedError):
        Reader(content[: data.draw(st.integers(0, len(content) - 1))]).numbers(9)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 12,
        part(number(3) + b"not zlib"),
        part(number(3) + zlib.compress(b"\1\2")),
        part(number(2**40) + zlib.compress(b"\0")),
        part(number(1) + zlib.compress(b"\xff" * 10 + b"\1")),
    ],
)
def test_lists_that_cannot_be_right_are_damage(content: bytes) -> None:
    with pytest.raises(DamagedError):
        Reader(content).numbers(2)


@given(st.binary(max_size=60))
def test_random_bytes_give_numbers_or_damage(content: bytes) -> None:
    reader = Reader(content)
    try:
        made = reader.numbers(10)
    except DamagedError:
        return
    assert made.dtype == np.int64
    assert len(made) <= 10
