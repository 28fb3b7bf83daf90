"""Work on only those places of a batch of sequences that are there, so that padding costs no time on a CPU."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import _get_current_dispatch_mode

FEWER = 7 / 8
"""The share of places that are there, up to which packing them pays."""
SIZES = 32
"""Numbers of rows are rounded up by at most this part, because a library prepares products in bfloat16 by size."""


def transformed() -> bool:
    """Whether the operations are recorded or transformed, so that sizes can't depend on values."""
    return (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or _get_current_dispatch_mode() is not None
    )


def pays(there: Tensor | None) -> bool:
    """Whether to work on only the places that are True: on a CPU, if enough others are left out."""
    if there is None or there.device.type != "cpu" or transformed():
        return False
    return 0 < int(there.sum()) <= FEWER * there.numel()


class Places:
    """Some places of a grid (A, B, C) as rows (P, C). P is a round number; what the last rows hold has no effect.

    rows: (P',) the places, as rows of (A·B, C), P' ≤ P. shape: (A, B).
    """

    def __init__(self, rows: Tensor, shape: tuple[int, int]) -> None:
        self.rows, self.shape = rows, shape
        step = 2 ** max(0, (len(rows) // SIZES).bit_length() - 1)
        self.padded = F.pad(rows, (0, -len(rows) % step))

    def pack(self, x: Tensor) -> Tensor:
        """(A, B, C) to (P, C)."""
        return x.flatten(0, 1).index_select(0, self.padded)

    def unpack(self, packed: Tensor) -> Tensor:
        """(P, C) to (A, B, C), 0 in all other places."""
        whole = packed.new_zeros(math.prod(self.shape), packed.shape[1])
        return whole.index_add(0, self.rows, packed[: len(self.rows)]).unflatten(0, self.shape)


def places_of(there: Tensor | None) -> Places | None:
    """The places of (A, B) that are True, if it pays to work on them alone."""
    if there is None or not pays(there):
        return None
    return Places(there.flatten().nonzero()[:, 0], (there.shape[0], there.shape[1]))


class Falling:
    """The steps of sequences that end, in the order of time, and in each step the longest sequences first.

    there: (T, N) whether each step counts; none does after the end of its sequence. Sequences of similar lengths end
    together, so that there are few different numbers of sequences at a step.

    Fields: counts: of each step, how many sequences there are. order: (N,) the sequences, the longest first. rank: (N,)
    the place of each in that order. reach: (T, N) True up to the ends. places: the steps up to the ends.
    """

    def __init__(self, there: Tensor) -> None:
        length, count = there.shape
        steps, rows = torch.arange(length)[:, None], torch.arange(count)
        ends, self.order = (there * (steps + 1)).amax(0).sort(descending=True)
        ends = ends[rows - rows % max(1, count // SIZES)]
        before_end = steps < ends
        self.rank = self.order.argsort()
        self._ends = ends[self.rank]
        self.reach = steps < self._ends
        self.counts: list[int] = before_end.sum(1).tolist()
        self._begins = torch.tensor([0, count, *self.counts]).cumsum(0)
        self.places = Places((steps * count + self.order)[before_end], (length, count))

    def after(self, *, backwards: bool) -> Tensor:
        """(T·N,) where the state after each step is, among blocks of N and of `counts` rows (see `gated`)."""
        steps = torch.arange(len(self.counts))[:, None] + (not backwards)
        return (self._begins[torch.minimum(steps, self._ends)] + self.rank).flatten()

    def before(self) -> Tensor:
        """(P,) where the state before each step is, read forwards, among the same blocks."""
        sizes, counts = torch.tensor([len(self.order), *self.counts]), torch.tensor(self.counts)
        rows = torch.arange(len(self.places.rows)) + len(self.order) - sizes[:-1].repeat_interleave(counts)
        return F.pad(rows, (0, len(self.places.padded) - len(rows)))
