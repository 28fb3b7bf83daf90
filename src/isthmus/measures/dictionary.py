"""Measures of sparse dictionaries, against features that are known: matched directions, detection, absorption."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

MIXED = 0.2
"""The cosine from which a latent dimension's direction contains a feature."""


class Detection(NamedTuple):
    """How well latent dimensions detect the features that their directions resemble most, as means over them."""

    precision: float
    recall: float
    f1: float


def cosines(directions: Tensor, features: Tensor) -> Tensor:
    """(K, D) and (F, D) to (K, F): the absolute cosines."""
    one, two = (torch.nn.functional.normalize(rows.double(), dim=1) for rows in (directions, features))
    return (one @ two.T).abs()


def matched_cosine(directions: Tensor, features: Tensor) -> float:
    """The mean absolute cosine of (K, D) directions with (F, D) features, matched one to one; 1 is best.

    The matching has the largest sum (Hungarian method). It is called the mean correlation coefficient, MCC.

    Source: Song et al., Mechanistic interpretability should prioritize feature consistency in SAEs (2025).
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 slow to import, and needed here alone

    found = cosines(directions, features)
    rows, columns = linear_sum_assignment(-found.cpu().numpy())
    return float(found[torch.as_tensor(rows), torch.as_tensor(columns)].mean())


def detection(codes: Tensor, active: Tensor, directions: Tensor, features: Tensor) -> Detection:
    """How well each latent dimension detects the feature that its direction resembles most.

    codes: (N, K); a dimension fires where it isn't 0. active: (N, F) bool, where each feature is active. directions,
    features: (K, D) and (F, D).

    Source: SynthSAEBench, as in SAELens (`sae_lens.synthetic.evals`).
    """
    fires, wanted = codes != 0, active[:, cosines(directions, features).argmax(1)]
    both, fired, there = ((fires & wanted).sum(0), fires.sum(0), wanted.sum(0))
    precision, recall = (_ratio(both, of) for of in (fired, there))
    f1 = _ratio(2 * both, fired + there)
    return Detection(float(precision.mean()), float(recall.mean()), float(f1.mean()))


def absorption(codes: Tensor, active: Tensor, directions: Tensor, features: Tensor, parents: np.ndarray) -> float:
    """How often a general feature is swallowed by the latent dimension of a specific one; 0 is best.

    Of the samples in which a parent and one of its children are active, the share in which the parent's dimension is
    silent, while a dimension that resembles a child fires whose direction contains the parent, too (`MIXED`). The mean
    over the parents that have such samples.

    parents: (F,) the parent of each feature; -1 without one. The others: as for `detection`.

    Source: Chanin et al., A is for absorption (2024), for features that are known.
    """
    found, fires = cosines(directions, features), codes != 0
    kinds, shares = found.argmax(1), []
    for parent in np.unique(parents[parents >= 0]).tolist():
        children = torch.as_tensor(parents == parent)
        there = active[:, parent] & active[:, children].any(1)
        if not bool(there.any()):
            continue
        mixed = children[kinds] & (found[:, parent] > MIXED)
        main = int(found[:, parent].masked_fill(mixed, -1.0).argmax())
        swallowed = ~fires[there, main] & fires[there][:, mixed].any(1)
        shares.append(float(swallowed.double().mean()))
    return float(np.mean(shares)) if shares else 0.0


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """(K,) part / whole; 0 where there is nothing."""
    return torch.where(whole > 0, part / whole.clamp(min=1), 0.0)
