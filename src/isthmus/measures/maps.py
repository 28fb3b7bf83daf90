"""The quality of a map: whether its neighbours are neighbours in the data, and whether they have the same label."""

from typing import NamedTuple

import torch
from torch import Tensor

NEIGHBOURS = 10
"""The number of neighbours to use; fewer if there are few samples."""


class MapQuality(NamedTuple):
    """The quality of a map.

    trustworthiness: 1 if all neighbours on the map are neighbours in the data; about 0.5 by chance.
    knn_accuracy: share of the samples whose label is the most common among their neighbours on the map; None without
        labels.
    """

    trustworthiness: float
    knn_accuracy: float | None


def map_quality(
    samples: Tensor, points: Tensor, labels: Tensor | None = None, *, neighbours: int = NEIGHBOURS
) -> MapQuality:
    """The quality of a map of N samples; memory grows with N².

    samples: (N, D), finite; at least four. points: (N, d) their places on the map. labels: (N,).

    Source: Venna & Kaski, Neighborhood preservation in nonlinear projection methods, ICANN (2001); scikit-learn.
    """
    from sklearn.manifold import trustworthiness  # noqa: PLC0415 slow to import, and needed here alone

    count = min(neighbours, (len(samples) - 1) // 2)
    trust = float(trustworthiness(samples.double().numpy(), points.double().numpy(), n_neighbors=count))
    return MapQuality(trust, None if labels is None else _knn_accuracy(points, labels, count))


def _knn_accuracy(points: Tensor, labels: Tensor, count: int) -> float:
    """Each sample judged by its nearest others; of labels that are as common, the smallest."""
    right = 0
    for rows in torch.arange(len(points)).split(512):
        apart = torch.cdist(points[rows].double(), points.double())
        apart[torch.arange(len(rows)), rows] = torch.inf
        near = apart.topk(count, largest=False).indices
        right += int((labels[near].mode(1).values == labels[rows]).sum())
    return right / len(points)
