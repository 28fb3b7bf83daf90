"""Link prediction: how well the probabilities of a graph's edges tell joined nodes from others."""

import numpy as np
import torch
from torch import Tensor

from isthmus.parts.graphs import pairs, square


def link_measures(made: Tensor, target: Tensor) -> dict[str, Tensor]:
    """The measures of (N, 1, M, M + F) probabilities for graphs of the same shape, each (N,).

    Held-out pairs are measured alone in a graph that has some (see `isthmus.parts.graphs`). NaN where a graph has no
    edge, or no pair without one.
    """
    counted, edges = pairs(target)
    scores = square(made)
    rows = [
        _of_pairs(score[which].double().cpu().numpy(), edge[which].cpu().numpy() > 0)
        for score, edge, which in zip(scores, edges, counted, strict=True)
    ]
    found = torch.tensor(rows, dtype=torch.float64).reshape(-1, 2)
    return {"auc": found[:, 0], "average_precision": found[:, 1]}


def _of_pairs(scores: np.ndarray, joined: np.ndarray) -> tuple[float, float]:
    if joined.all() or not joined.any():
        return float("nan"), float("nan")
    return area_under_curve(scores, joined), average_precision(scores, joined)


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive has a higher score than a negative, both drawn at random; equal scores count half."""
    count = int(positive.sum())
    from scipy.stats import rankdata  # noqa: PLC0415 half a second, for graphs alone

    above = rankdata(scores)[positive].sum() - count * (count + 1) / 2
    return float(above / (count * (len(scores) - count)))


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    r"""The mean precision at each positive, :math:`\sum_k (R_k - R_{k-1}) P_k`; equal scores share a threshold k."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    found = positive[order].cumsum()[last]
    return float((np.diff(found, prepend=0) / found[-1] * found / (last + 1)).sum())
