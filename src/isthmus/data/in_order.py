"""In order: streamed samples as an epoch takes them, with the next window read while the present one is used."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from isthmus.data.ahead import ahead
from isthmus.data.blocks import Blocks
from isthmus.data.layout import Order
from isthmus.data.samples import Samples

NEAR = 64
"""How many times its own length a stretch of the order may lie behind the one before, to be found at once."""


@contextlib.contextmanager
def in_order(samples: Samples, order: Tensor | Order, begin: int = 0) -> Iterator[Samples]:
    """The samples for an epoch that takes them in this order; samples in memory are given back unchanged.

    Streamed ones can then only be read by `batch`, with stretches of the order, each behind the one before; some may
    be left out, as by a process that takes its share of each batch. At any time two windows are in memory.

    begin: the place in the order of the first sample that is taken.
    """
    if not isinstance(order, Order):
        yield samples
        return
    try:
        with contextlib.closing(ahead(_windows(samples, order, begin), ready=0)) as windows:
            yield replace(samples, values=Windows(samples, windows), rows=None, layout=None)
    finally:
        if isinstance(samples.values, Blocks):
            samples.values.rest()


class Window(NamedTuple):
    """samples: (n,) in the order of the epoch. places: (n,) where `values` has them, (n, *shape)."""

    samples: np.ndarray
    places: np.ndarray
    values: np.ndarray


def _windows(samples: Samples, order: Order, begin: int) -> Iterator[Window]:
    """The windows that aren't over at this place of the order."""
    for number in range(int(np.searchsorted(order.ends, begin, "right")), len(order.ends)):
        read, shuffled = order.window(number)
        yield Window(read[shuffled].numpy(), shuffled.numpy(), samples.batch(read).numpy())


class Windows:
    """Values `(N, *shape)` of which a window at a time is in memory; it is left when a sample of the next is wanted."""

    def __init__(self, samples: Samples, windows: Iterator[Window]) -> None:
        kind = {"uint8": np.uint8, "float32": np.float32, "float64": np.float64}[samples.dtype]
        self.shape, self.dtype = (len(samples), *samples.shape), np.dtype(kind)
        self.ndim = len(self.shape)
        self._windows, self._at = windows, 0
        none = np.empty(0, np.int64)
        self._window = self._none = Window(none, none, np.empty((0, *samples.shape), kind))
        self._last: tuple[np.ndarray, np.ndarray] = (np.empty(0, np.int64), self._none.values)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: Any) -> np.ndarray:
        """The values of the (n,) samples of a stretch of the order, or of the same ones again.

        Raises:
            DataError: the source can't be read any more.
            IndexError: they come before the last ones in the order.
        """
        wanted = np.asarray(indices, np.int64)
        if np.array_equal(wanted, self._last[0]):
            return self._last[1]
        found: list[np.ndarray] = []
        left = wanted
        while len(left):
            begin = self._place(left)
            if begin is None:
                self._move()
                continue
            places = self._window.places[begin : begin + len(left)]
            if not np.array_equal(self._window.samples[begin : begin + len(left)], left[: len(places)]):
                raise IndexError("Streamed samples can only be taken as stretches of their order.")
            found.append(np.take(self._window.values, places, axis=0))
            self._at, left = begin + len(places), left[len(places) :]
        self._last = (wanted, found[0] if len(found) == 1 else np.concatenate([self._none.values, *found]))
        return self._last[1]

    def _place(self, wanted: np.ndarray) -> int | None:
        """Where a stretch begins in the window, after the last one; None if it doesn't."""
        coming = self._window.samples[self._at :]
        for most in (1, NEAR * len(wanted), len(coming)):  # the next one, one of another process's, or any
            here = np.flatnonzero(coming[:most] == wanted[0])
            if len(here):
                return self._at + int(here[0])
        return None

    def _move(self) -> None:
        """Leave the window for the next one; it is freed first."""
        self._window, self._at = self._none, 0
        following = next(self._windows, None)
        if following is None:
            raise IndexError("These samples were taken before: streamed samples can only be taken in their order.")
        self._window = following
