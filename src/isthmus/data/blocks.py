"""Blocks: the values of samples that stay where they are and are read when they are needed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from isthmus.data.ahead import ahead, side_by_side

Read = Callable[[int], np.ndarray]
"""Reads the block with this number, `(rows, *shape)`."""


class Blocks:
    """An array `(N, *shape)` that isn't in memory; rows are read block by block, and the last block is kept.

    starts: (B + 1,) int64, the first row of each block, and N. read: a block's values, of this shape and type.
    workers: the blocks that are read at the same time. close: closes files that stay open for the blocks to come.
    finite: whether all values are known to be finite. low: the least value of each column, once `survey` has seen it.
    """

    def __init__(
        self,
        starts: np.ndarray,
        shape: tuple[int, ...],
        dtype: Any,
        read: Read,
        workers: int = 1,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.starts, self.shape, self.dtype = starts, (int(starts[-1]), *shape), np.dtype(dtype)
        self.ndim, self.workers = len(self.shape), workers
        self.finite, self.low = self.dtype.kind in "biu", np.full(shape, np.nan)
        self._read, self._close = read, close
        self._last: tuple[int, np.ndarray] = (-1, np.empty(0))
        self._kept: tuple[np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """A row by its number; or the rows of a slice or of (n,) numbers, in that order."""
        if isinstance(rows, slice):
            return self[np.arange(len(self))[rows]]
        if np.ndim(rows) == 0:
            return self[np.array([rows])][0]
        rows = np.asarray(rows, np.int64)
        if not len(rows):
            return np.empty((0, *self.shape[1:]), self.dtype)
        if (kept := self._of_kept(rows)) is not None:
            return kept
        block = np.searchsorted(self.starts, rows, "right") - 1
        order = np.argsort(block, kind="stable")
        numbers, begins = np.unique(block[order], return_index=True)
        parts = list(zip(numbers.tolist(), begins.tolist(), (*begins[1:].tolist(), len(rows)), strict=True))
        taken = np.empty((len(rows), *self.shape[1:]), self.dtype)
        blocks = (self._block(number) for number, _, _ in parts)
        if self.workers > 1 and len(parts) > 1:
            blocks = (values for _, values in side_by_side([n for n, _, _ in parts], self._block, self.workers))
        for (number, begin, end), values in zip(parts, blocks, strict=True):
            own = order[begin:end]
            within = rows[own] - self.starts[number]
            if own[-1] - own[0] == len(own) - 1:  # one after another; mode="clip" writes without a copy between
                np.take(values, within, axis=0, out=taken[own[0] : own[-1] + 1], mode="clip")
            else:
                taken[own] = np.take(values, within, axis=0)
        return taken

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it in memory."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def survey(self, rows: np.ndarray) -> None:
        """Read everything once: learn `finite` and `low`, and keep these rows in memory until `forget`.

        rows: (n,) int64, ascending, without doubles.
        """
        kept = np.empty((len(rows), *self.shape[1:]), self.dtype)
        places = np.searchsorted(rows, self.starts)
        finite, low = True, np.full(self.shape[1:], np.nan)
        for number, values in enumerate(ahead(map(self._block, range(len(self.starts) - 1)))):
            begin, end = places[number : number + 2]
            kept[begin:end] = values[rows[begin:end] - self.starts[number]]
            finite = finite and bool(np.isfinite(values.sum()))
            low = np.fmin(low, np.fmin.reduce(values, axis=0))
        self.finite, self.low, self._kept = self.finite or finite, low, (rows, kept)

    def forget(self) -> None:
        """Free the rows that `survey` has kept."""
        self._kept = None
        self.rest()

    def rest(self) -> None:
        """Free the last block and close what is open, until a row is wanted again."""
        self._last = (-1, np.empty(0))
        self._close()

    def changed(self, change: Callable[[np.ndarray], np.ndarray]) -> "Blocks":
        """The same with each block changed when it is read, into one of the same shape and type."""
        read = self._read
        made = Blocks(
            self.starts, self.shape[1:], self.dtype, lambda number: change(read(number)), self.workers, self._close
        )
        if self._kept is not None:
            made._kept = (self._kept[0], change(self._kept[1]))
        return made

    def _of_kept(self, rows: np.ndarray) -> np.ndarray | None:
        """The rows, if all of them are kept."""
        if self._kept is None or not len(rows) <= len(self._kept[0]):
            return None
        known, values = self._kept
        places = np.searchsorted(known, rows).clip(max=len(known) - 1)
        return values[places] if np.array_equal(known[places], rows) else None

    def _block(self, number: int) -> np.ndarray:
        last, values = self._last  # another thread may replace both at any time
        if last != number:
            values = self._read(number)
            self._last = (number, values)
        return values
