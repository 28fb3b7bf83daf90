"""Small steps are taken by one thread, and the number of threads is put back."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.training import Callback


@pytest.fixture(autouse=True)
def two() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Threads(Callback):
    """Notes the number of threads after each step, and may fail."""

    def __init__(self, fails: bool = False) -> None:
        self.seen: set[int] = set()
        self.fails = fails

    def batch_end(self, training: object) -> None:
        self.seen.add(torch.get_num_threads())
        if self.fails:
            raise KeyError("a user's own error")


def table() -> ist.Data:
    return ist.open_data(np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32), kind="table")


@pytest.mark.parametrize(("widths", "count"), [([8], 1), ([1000, 1000], 2)])
def test_a_small_step_takes_one_thread_and_a_large_one_all(widths: list[int], count: int) -> None:
    data, threads = table(), Threads()
    model = ist.recipe("deep", widths=widths).build(data)
    ist.fit(model, data, epochs=1, batch_size=32, progress=False, callbacks=[threads])
    assert threads.seen == {count}
    assert torch.get_num_threads() == 2


def test_the_number_of_threads_is_put_back_after_an_error() -> None:
    data = table()
    with pytest.raises(KeyError):
        ist.fit(ist.recipe("deep").build(data), data, epochs=1, progress=False, callbacks=[Threads(fails=True)])
    assert torch.get_num_threads() == 2
