"""How far two ways to compute the same may lie apart: tolerances from the arithmetic, not from one machine."""

import torch

EPS = torch.finfo(torch.float32).eps


def of_sum(terms: int, scale: float = 1.0) -> float:
    """Between two orders in which `terms` numbers of about `scale` are added: each rounds every partial sum once.

    The bound counts all roundings one way; a relative tolerance for a sum of positive numbers is `of_sum(terms)`.
    """
    return terms * EPS * scale


def through_network(scale: float = 1.0) -> float:
    """Between two ways through a small network, of numbers of about `scale`.

    Each is a sum of some hundred terms, layer after layer, whose roundings go either way and mostly cancel.
    """
    return 64 * EPS * scale


def of_ssim() -> float:
    """Of structural similarity: it divides variances, less what their differences lose, by (0.03 span)² or more."""
    return 8 * EPS / 0.03**2
