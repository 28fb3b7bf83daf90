"""Arithmetic of rates: interpolation between measured points, Bjøntegaard's rate difference, break-even.

Source: Bjøntegaard, Calculation of average PSNR differences between RD-curves, VCEG-M33 (2001), with piecewise cubic
interpolation (PCHIP) instead of one cubic through all points, as in JCTVC-L1100.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

Point = tuple[float, float]
"""A rate (bytes or bits, more than 0) and a quality (the larger, the better)."""

PLACES = 1000
"""Where in the common range the largest difference is looked for."""


def bd_rate(reference: Iterable[Point], other: Iterable[Point]) -> float:
    """The mean difference in rate at equal quality, as a share: −0.25 means that `other` needs 25 % fewer bits.

    It is the mean of the logarithm of the ratio over the range of qualities that both curves cover.

    Raises:
        ValueError: a curve has fewer than two points, or the curves have no quality in common.
    """
    base, curve = log_rate(reference), log_rate(other)
    low, high = common_range(base, curve)
    return math.expm1(float(curve.integrate(low, high) - base.integrate(low, high)) / (high - low))


def worst_rate(reference: Iterable[Point], other: Iterable[Point]) -> float:
    """The largest difference in rate at any quality that both curves cover, as a share; below 0: ahead everywhere.

    Raises:
        ValueError: as `bd_rate`.
    """
    base, curve = log_rate(reference), log_rate(other)
    places = np.linspace(*common_range(base, curve), PLACES)
    return math.expm1(float(np.max(curve(places) - base(places))))


def rate_at(points: Iterable[Point], quality: float) -> float:
    """The rate at which a curve reaches a quality; NaN outside its range.

    Raises:
        ValueError: the curve has fewer than two points.
    """
    curve = log_rate(points)
    return math.exp(float(curve(quality))) if curve.x[0] <= quality <= curve.x[-1] else math.nan


def quality_at(points: Iterable[Point], rate: float) -> float:
    """The quality that a curve reaches at a rate, over the logarithm of the rate; NaN outside its range.

    Raises:
        ValueError: the curve has fewer than two points.
    """
    kept = frontier(points)
    curve = PchipInterpolator(np.log([rate for rate, _ in kept]), [quality for _, quality in kept])
    place = math.log(rate)
    return float(curve(place)) if curve.x[0] <= place <= curve.x[-1] else math.nan


def log_rate(points: Iterable[Point]) -> PchipInterpolator:
    """The natural logarithm of the rate as a function of the quality.

    Raises:
        ValueError: the curve has fewer than two points.
    """
    kept = frontier(points)
    return PchipInterpolator([quality for _, quality in kept], np.log([rate for rate, _ in kept]))


def frontier(points: Iterable[Point]) -> list[Point]:
    """The points that no other point beats in both rate and quality, by rising rate.

    Raises:
        ValueError: fewer than two are left.
    """
    kept: list[Point] = []
    for rate, quality in sorted(points, key=lambda point: (point[0], -point[1])):
        if not kept or quality > kept[-1][1]:
            kept.append((rate, quality))
    if len(kept) < 2:
        raise ValueError(f"A curve needs two points of different rate and quality, but this one has {len(kept)}.")
    return kept


def common_range(one: PchipInterpolator, other: PchipInterpolator) -> Point:
    """The lowest and the highest quality that both curves cover.

    Raises:
        ValueError: they have none in common.
    """
    low, high = max(one.x[0], other.x[0]), min(one.x[-1], other.x[-1])
    if low >= high:
        raise ValueError(
            f"The curves have no quality in common: {one.x[0]:.4g} to {one.x[-1]:.4g} and "
            f"{other.x[0]:.4g} to {other.x[-1]:.4g}."
        )
    return float(low), float(high)


def mean_curve(curves: Sequence[Sequence[Point]]) -> list[Point]:
    """The mean rate and the mean quality of several pictures at each setting; all curves have the same settings."""
    return [(float(rate), float(quality)) for rate, quality in np.mean(np.array(curves, dtype=float), axis=0)]


def bits_per(size: int, numbers: int) -> float:
    """Bits for each pixel, cell or number, from bytes."""
    return 8 * size / numbers


def break_even(model: int, own: float, peer: float) -> float:
    """How many samples the model's own bytes need to pay: model / (peer − own), rounded up; inf if they never do.

    model: bytes. own, peer: bytes for each sample.
    """
    return math.ceil(model / (peer - own)) if peer > own else math.inf
