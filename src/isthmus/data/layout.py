"""Layouts: how streamed samples lie on disk, and the order of an epoch that reads them in large pieces."""

from collections.abc import Sequence
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

    def order(self, rows: np.ndarray | None, generator: torch.Generator) -> tuple[Tensor, np.ndarray]:
        """An epoch's order: (N,) int64 places among `rows`; and (W,) int64, the end of each window in it.

        Groups come in random order, the blocks of `lanes` groups take turns, and places are shuffled within a window.

        rows: (N,) the rows of the source that are samples, ascending; None for all.
        """
        first = self.starts if rows is None else np.searchsorted(rows, self.starts)
        blocks = self._blocks(generator)
        sizes = np.diff(first)[blocks]
        begins = np.cumsum(sizes) - sizes
        order = np.repeat(first[:-1][blocks] - begins, sizes)
        order += np.arange(len(order))
        window = begins // self.window
        last = np.append(window[1:] != window[:-1], True)
        ends = np.unique((begins + sizes)[last])
        places = torch.from_numpy(order)
        for begin, end in zip((0, *ends[:-1].tolist()), ends.tolist(), strict=True):
            places[begin:end] = places[begin:end][torch.randperm(end - begin, generator=generator)]
        return places, ends

    def _blocks(self, generator: torch.Generator) -> np.ndarray:
        """(B,) the blocks in the order in which they are read."""
        lengths = np.bincount(self.groups)
        within = np.arange(len(self.groups)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        place = torch.randperm(len(lengths), generator=generator).numpy()[self.groups]
        share = (within + 0.5) / lengths[self.groups]  # a block's place in its group, so that all end together
        return np.lexsort((place, share, place // self.lanes))
