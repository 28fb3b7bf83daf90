"""The nearest neighbours of samples among other samples, and their distances."""

from typing import NamedTuple

import torch
from torch import Tensor

from isthmus.data.samples import Samples, spread
from isthmus.data.scaling import Scaling

_BATCH_NUMBERS = 2**22
"""At most this many numbers of the others are read at once (16 MB in float32)."""


class Nearest(NamedTuple):
    """The nearest neighbour of each of N samples.

    distance: (N,) root of the mean square over a sample's numbers, in scaled units; for tokens, over the numbers of
    `Medium.points`. which: (N,) int64, its number.
    """

    distance: Tensor
    which: Tensor


def nearest_rows(wanted: Tensor, others: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest of (N, D) to each of (Q, D), by exact search: (Q, k) Euclidean distances, ascending, and rows."""
    k = min(k, len(others))
    best, rows = wanted.new_empty(len(wanted), 0), torch.empty(len(wanted), 0, dtype=torch.int64)
    each = max(k, _BATCH_NUMBERS // max(1, len(wanted), others.shape[1]))
    for start in range(0, len(others), each):
        apart = torch.cdist(wanted, others[start : start + each], compute_mode="donot_use_mm_for_euclid_dist")
        best = torch.cat([best, apart], 1)
        rows = torch.cat([rows, torch.arange(start, start + apart.shape[1]).expand(len(wanted), -1)], 1)
        order = best.sort(dim=1, stable=True).indices[:, :k]  # of equals, the first stay first
        best, rows = best.gather(1, order), rows.gather(1, order)
    return best, rows


@torch.no_grad()
def nearest_samples(samples: Tensor, others: Samples, scaling: Scaling, *, most: int | None = None) -> Nearest:
    """The nearest of `others` to each of (N, *shape) raw samples, by exact search, streaming.

    Numbers that are missing (NaN) on either side do not count.

    others: for example the training part; at least one. most: search at most this many of them, evenly spread.
    """
    device = scaling.scale.device
    medium = others.medium if others.kind == "tokens" else None
    in_space = scaling if medium is None else medium.points
    wanted = in_space(samples).flatten(1)
    here = ~wanted.isnan()
    wanted = wanted.nan_to_num(0.0)
    best = torch.full((len(wanted),), torch.inf, device=device)
    index = torch.zeros(len(wanted), dtype=torch.int64, device=device)
    rows = spread(len(others), len(others) if most is None else most)
    for chosen in rows.split(max(1, _BATCH_NUMBERS // wanted.shape[1])):
        found = in_space(others.batch(chosen)).flatten(1)
        known = ~found.isnan()
        found = found.nan_to_num(0.0)
        if bool(here.all()) and bool(known.all()):
            squares = torch.cdist(wanted, found, compute_mode="use_mm_for_euclid_dist").square() / wanted.shape[1]
        else:
            ours, theirs = here.float(), known.float()
            squares = wanted.square() @ theirs.T - 2 * wanted @ found.T + ours @ found.square().T
            both = ours @ theirs.T
            squares = torch.where(both > 0, squares.clamp(min=0) / both.clamp(min=1), torch.inf)
        least, place = squares.min(1)
        index = torch.where(least < best, chosen.to(device)[place], index)
        best = torch.minimum(best, least)
    return Nearest(best.sqrt().cpu(), index.cpu())
