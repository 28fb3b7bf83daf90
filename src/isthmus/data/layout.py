"""Layouts: how streamed samples lie on disk, and the order of an epoch that reads them in large pieces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

IN_WINDOW = 16
"""Blocks in a window: so many places of the source are mixed at a time."""
LANES = 4
"""Groups whose blocks are interleaved; each that is open needs memory for a page of every column."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Blocks of rows that are read as a whole, and how many rows are shuffled together.

    starts: (B + 1,) int64, the first row of each block, and the number of all rows.
    groups: (B,) int64 from 0, ascending. The blocks of a group, such as a row group of Parquet, can only be read
        quickly one after another.
    window: the rows that are shuffled together, and in memory together.
    lanes: the groups whose blocks are interleaved.
    """

    starts: np.ndarray
    groups: np.ndarray
    window: int
    lanes: int = LANES

    @classmethod
    def of(cls, groups: Sequence[int], row_bytes: int, window_bytes: int, lanes: int = LANES) -> Self:
        """Blocks of about equal sizes, `IN_WINDOW` in a window of so many bytes.

        groups: the rows of each group. row_bytes: of a row in memory.
        """
        window = max(1, window_bytes // max(1, row_bytes))
        size = max(1, window // IN_WINDOW)
        counts = np.asarray(groups, np.int64)
        blocks = -(-counts // size)  # of each group; an empty one has none
        group = np.repeat(np.arange(len(counts)), blocks)
        within = np.arange(len(group)) - np.repeat(np.cumsum(blocks) - blocks, blocks)
        starts = np.repeat(np.cumsum(counts) - counts, blocks) + within * size
        return cls(np.append(starts, counts.sum()), np.unique(group, return_inverse=True)[1], window, lanes)

    def order(self, rows: np.ndarray | None, seed: int) -> "Order":
        """An epoch's order of the samples.

        Groups come in random order, the blocks of `lanes` groups take turns, and samples are shuffled within a window.

        rows: (N,) the rows of the source that are samples, ascending; None for all.
        """
        first = self.starts if rows is None else np.searchsorted(rows, self.starts)
        generator = torch.Generator().manual_seed(seed)
        blocks = self._blocks(generator)
        blocks = blocks[np.diff(first)[blocks] > 0]
        seeds = torch.randint(2**62, (len(blocks),), generator=generator)  # at most one window for each block

        def shuffled(window: int, size: int) -> Tensor:
            return torch.randperm(size, generator=torch.Generator().manual_seed(int(seeds[window])))

        return Order(first[blocks], np.diff(first)[blocks], self.window, shuffled)

    def _blocks(self, generator: torch.Generator) -> np.ndarray:
        """(B,) the blocks in the order in which they are read."""
        lengths = np.bincount(self.groups)
        within = np.arange(len(self.groups)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        place = torch.randperm(len(lengths), generator=generator).numpy()[self.groups]
        share = (within + 0.5) / lengths[self.groups]  # a block's place in its group, so that all end together
        return np.lexsort((place, share, place // self.lanes))


class Order:
    """The order of the samples in an epoch, (N,) int64, of which a window at a time is in memory.

    `order[begin:end]` are the samples at these places of the epoch.

    first, sizes: (B,) the first sample of each block and their number, in the order in which blocks are read. window:
    about the samples of a window, which begins and ends with a block. shuffled: a permutation (n,) of the n samples of
    the window with this number.
    """

    def __init__(
        self, first: np.ndarray, sizes: np.ndarray, window: int, shuffled: Callable[[int, int], Tensor]
    ) -> None:
        begins = np.cumsum(sizes) - sizes
        number = begins // window
        self._first, self._sizes, self._shuffled = first, sizes, shuffled
        self._blocks = np.append(np.flatnonzero(np.diff(number, prepend=-1)), len(sizes))
        self.ends = np.append(begins, sizes.sum())[self._blocks[1:]]
        """(W,) the place after the last of each window."""
        self._last: tuple[int, Tensor] = (-1, torch.empty(0, dtype=torch.int64))

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, places: slice) -> Tensor:
        begin, end, _ = places.indices(len(self))
        first = int(np.searchsorted(self.ends, begin, "right"))
        found = []
        for window in range(first, len(self.ends)):
            start = 0 if window == 0 else int(self.ends[window - 1])
            if start >= end:
                break
            found.append(self._samples(window)[max(0, begin - start) : end - start])
        return torch.cat(found) if len(found) != 1 else found[0]

    def window(self, number: int) -> tuple[Tensor, Tensor]:
        """(n,) the samples of a window in the order in which they are read, and (n,) their places there, shuffled."""
        blocks = slice(*self._blocks[number : number + 2].tolist())
        first, sizes = self._first[blocks], self._sizes[blocks]
        samples = np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())
        return torch.from_numpy(samples), self._shuffled(number, len(samples))

    def _samples(self, number: int) -> Tensor:
        """(n,) the samples of a window in the order of the epoch; the last ones are kept."""
        if self._last[0] != number:
            samples, shuffled = self.window(number)
            self._last = (number, samples[shuffled])
        return self._last[1]
