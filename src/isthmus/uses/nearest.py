"""Nearest windows: the distance of a window from the nearest of some training windows, and at which steps it is far."""

from typing import NamedTuple

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.networks.packing import transformed

MEMBERS, SIZE = 25, 64
"""Random sets of training windows, and windows in each."""
MOST_NUMBERS = 2**24
"""Numbers that all these windows have at most."""
BATCH = 1024


class Nearest(NamedTuple):
    """How far windows are from the nearest of each set.

    distances: (N, members) mean squared differences. elements: (N, *shape) squared differences, the mean over the sets;
    NaN for missing numbers.
    """

    distances: Tensor
    elements: Tensor


class NearestWindows:
    r"""Sets of random training windows; each reconstructs a window as the nearest of its own.

    Windows begin at any phase of a signal, so a set needs more of them than rows of a table. Anomalies are rare among
    so few windows, so those that resemble each other don't hide each other. A window that is itself one of a set is
    compared with the next nearest of it, so windows of the training recording are scored like new ones.

    Source: Pang et al., LeSiNN: Detecting anomalies by identifying least similar nearest neighbours, ICDM (2015);
    windows far from all others as anomalies: Keogh et al., HOT SAX: Efficiently finding the most unusual time series
    subsequence, ICDM (2005).
    """

    def __init__(self, model: Autoencoder, train: Samples, reference: Samples) -> None:
        self.model = model
        width = self._numbers(train.batch(torch.arange(1))).shape[1]
        self.size = max(1, min(SIZE, len(train) // 2))
        members = max(2, min(MEMBERS, MOST_NUMBERS // (self.size * width)))
        generator = torch.Generator().manual_seed(0)
        drawn = torch.cat([torch.randperm(len(train), generator=generator)[: self.size] for _ in range(members)])
        self.values = self._numbers(train.batch(drawn)).view(members, self.size, width)
        usual = [self(raw) for raw, _ in reference.some(BATCH).labelled(BATCH)]
        self.floor = 1e-3 * float(torch.cat([each.distances for each in usual]).nanmedian().nan_to_num(0.0)) + 1e-12
        """A constant recording is at no distance from itself."""
        flat = torch.cat([each.elements for each in usual]).movedim(1, 0).flatten(1)
        self.usual = flat.nanmedian(1).values.nan_to_num(0.0).view(-1, *[1] * (usual[0].elements.ndim - 2)) + self.floor
        """(channels, 1) the median of the elements."""

    def __call__(self, raw: Tensor) -> Nearest:
        """The distances of (N, channels, steps) raw windows."""
        given = self._numbers(raw)
        known = (~given.isnan()).double()
        filled, whole = given.nan_to_num(0.0), not transformed() and bool(known.all())
        distances, total, count = [], torch.zeros_like(given), torch.zeros_like(given)
        for values in self.values:
            there = (~values.isnan()).double()
            held = values.nan_to_num(0.0)
            apart = known @ held.square().T - 2 * filled @ held.T
            if not (whole and bool(there.all())):
                apart = (apart + filled.square() @ there.T) / (known @ there.T).clamp(min=1)
            near = apart.topk(min(2, self.size), largest=False).indices
            squares = (given - values[near[:, 0]]).square()
            if self.size > 1:
                itself = (squares.nan_to_num(0.0) == 0).all(1, keepdim=True)
                squares = torch.where(itself, (given - values[near[:, 1]]).square(), squares)
            distances.append(squares.nanmean(1).nan_to_num(0.0))
            total += squares.nan_to_num(0.0)
            count += ~squares.isnan()
        elements = torch.where(count > 0, total / count, torch.nan).view(raw.shape)
        return Nearest(torch.stack(distances, 1), elements)

    def log_distance(self, near: Nearest) -> Tensor:
        """(N,) the mean logarithm of the root mean squared distance."""
        return 0.5 * (near.distances + self.floor).log().mean(1)

    def _numbers(self, raw: Tensor) -> Tensor:
        """(N, numbers) scaled, in float64, on the CPU."""
        return self.model.scaling(raw).cpu().double().flatten(1)
