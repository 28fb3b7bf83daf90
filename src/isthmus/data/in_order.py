"""In order: streamed samples as an epoch takes them, with the next window read while the present one is used."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from isthmus.data.ahead import ahead
from isthmus.data.samples import Samples


@contextlib.contextmanager
def in_order(samples: Samples, order: Tensor, ends: np.ndarray, begin: int = 0) -> Iterator[Samples]:
    """The samples for an epoch that takes them in this order; samples in memory are given back unchanged.

    Streamed ones can then only be read by `batch`, with indices that follow the order; some may be left out, as by a
    process that takes its share of each batch. At any time two windows are in memory.

    order, ends: as from `Layout.order`. begin: the place in the order of the first sample that is taken.
    """
    if samples.layout is None:
        yield samples
        return
    with contextlib.closing(ahead(_windows(samples, order, ends, begin), ready=0)) as windows:
        yield replace(samples, values=Windows(samples, windows), rows=None, layout=None)


def _windows(samples: Samples, order: Tensor, ends: np.ndarray, begin: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The indices of each window that isn't over, ascending, and their values."""
    for start, end in zip((0, *ends[:-1].tolist()), ends.tolist(), strict=True):
        if end > begin:
            indices = order[max(start, begin) : end].sort().values
            yield indices.numpy(), samples.batch(indices).numpy()


class Windows:
    """Values `(N, *shape)` of which a window at a time is in memory; it is left when a sample of the next is wanted."""

    def __init__(self, samples: Samples, windows: Iterator[tuple[np.ndarray, np.ndarray]]) -> None:
        kind = {"uint8": np.uint8, "float32": np.float32, "float64": np.float64}[samples.dtype]
        self.shape, self.dtype = (len(samples), *samples.shape), np.dtype(kind)
        self.ndim = len(self.shape)
        self._windows = windows
        self._indices, self._values = np.array([len(samples)]), np.empty((0, *samples.shape), kind)
        """Those of the window, ascending, with a number at the end that is larger than any."""
        self._last: tuple[np.ndarray, np.ndarray] = (np.empty(0, np.int64), self._values)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: Any) -> np.ndarray:
        """The values of (n,) indices that follow the order, or of the same ones again.

        Raises:
            DataError: the source can't be read any more.
            IndexError: they come later in the order than the ones before.
        """
        wanted = np.asarray(indices, np.int64)
        if np.array_equal(wanted, self._last[0]):
            return self._last[1]
        taken, left = np.empty((len(wanted), *self.shape[1:]), self.dtype), np.arange(len(wanted))
        while len(left):
            places = np.searchsorted(self._indices, wanted[left])
            here = self._indices[places] == wanted[left]
            taken[left[here]] = self._values[places[here]]
            left = left[~here]
            if len(left):
                self._move()
        self._last = (wanted, taken)
        return taken

    def _move(self) -> None:
        """Leave the window for the next one; it is freed first."""
        self._indices, self._values = self._indices[-1:].copy(), np.empty((0, *self.shape[1:]), self.dtype)
        following = next(self._windows, None)
        if following is None:
            raise IndexError("These samples were taken before: streamed samples can only be taken in their order.")
        self._indices, self._values = np.append(following[0], len(self)), following[1]
