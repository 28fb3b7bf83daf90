"""Streamed samples as an epoch takes them."""

import threading
import weakref
from typing import Any

import numpy as np
import pytest
import torch

from isthmus.data import Samples
from isthmus.data.blocks import Blocks
from isthmus.data.in_order import in_order
from isthmus.data.layout import Layout
from isthmus.errors import DataError

VALUES = np.arange(600, dtype=np.float32).reshape(300, 2)
LAYOUT = Layout.of([100, 90, 110], row_bytes=8, window_bytes=8 * 48)
ROWS = np.setdiff1d(np.arange(300), np.arange(0, 300, 11))


def streamed(read=None):
    starts = LAYOUT.starts
    blocks = Blocks(starts, (2,), np.float32, read or (lambda n: VALUES[starts[n] : starts[n + 1]]))
    return Samples(blocks, rows=ROWS, layout=LAYOUT)


@pytest.mark.parametrize("begin", [0, 40, 48, 200])
def test_batches_are_those_of_the_order(begin):
    samples, order = streamed(), LAYOUT.order(ROWS, seed=0)
    with in_order(samples, order, begin) as taken:
        for at in range(begin, len(order), 20):
            wanted = order[at : at + 20]
            assert torch.equal(taken.batch(wanted), torch.from_numpy(VALUES[ROWS[wanted.numpy()]]))
            assert torch.equal(taken.batch(wanted), samples.batch(wanted))  # the same ones again


def test_processes_can_take_their_shares_of_each_batch():
    samples, order = streamed(), LAYOUT.order(ROWS, seed=0)
    for rank in range(3):
        with in_order(samples, order) as taken:
            for at in range(0, len(order), 30):
                wanted = order[at : at + 30][rank * 10 : rank * 10 + 10]
                assert torch.equal(taken.batch(wanted), samples.batch(wanted))


def test_samples_that_were_taken_before_are_refused():
    samples, order = streamed(), LAYOUT.order(ROWS, seed=0)
    with in_order(samples, order) as taken:
        taken.batch(order[100:120])
        with pytest.raises(IndexError, match="taken before"):
            taken.batch(order[20:40])
    with in_order(samples, order) as taken, pytest.raises(IndexError, match="stretches"):
        taken.batch(order[:20].flip(0))


def test_two_windows_are_in_memory_at_most(monkeypatch):
    living, most = [], []
    batch = Samples.batch

    def watched(samples, indices):
        made = batch(samples, indices)
        if samples.layout is not None:
            living.append(weakref.ref(made))
            most.append(sum(one() is not None for one in living))
        return made

    monkeypatch.setattr(Samples, "batch", watched)
    order = LAYOUT.order(ROWS, seed=0)
    with in_order(streamed(), order) as taken:
        for at in range(0, len(order), 10):
            taken.batch(order[at : at + 10])
    assert len(living) == len(order.ends) > 4
    assert max(most) <= 2


def test_what_is_wrong_with_a_block_is_said_when_its_window_is_reached_and_the_reading_ends():
    def read(number):
        raise DataError("The disk is gone.")

    order = LAYOUT.order(ROWS, seed=0)
    with in_order(streamed(read), order) as taken, pytest.raises(DataError, match="disk is gone"):
        taken.batch(order[:10])
    assert not any(thread.name.startswith("isthmus-ahead") for thread in threading.enumerate())


def test_rows_are_read_block_by_block_in_any_order():
    read = []

    def reading(number):
        read.append(number)
        return VALUES[LAYOUT.starts[number] : LAYOUT.starts[number + 1]]

    blocks = Blocks(LAYOUT.starts, (2,), np.float32, reading)
    rows = np.array([299, 0, 5, 298, 1, 150])
    assert np.array_equal(blocks[rows], VALUES[rows])
    assert len(read) == len({*read}) == 4
    assert np.array_equal(blocks[3], VALUES[3])
    assert np.array_equal(blocks[10:30], VALUES[10:30])


def test_a_survey_keeps_rows_and_learns_facts():
    blocks: Any = streamed().values
    blocks.survey(np.array([0, 7, 299]))
    assert blocks.finite
    assert blocks.low.tolist() == [0, 1]
    blocks._read = None  # it must not be asked again
    assert np.array_equal(blocks[np.array([299, 0])], VALUES[[299, 0]])
    blocks.forget()
    with pytest.raises(TypeError):
        blocks[np.array([299, 0])]
