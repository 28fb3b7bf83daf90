"""Rates: BD-rates against closed forms, interpolation, break-even."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from benchmarks.compression import rates


def curve(rate, qualities: Iterable[float] = range(30, 41, 2)):
    """Points of a rate as a function of the quality."""
    return [(float(rate(quality)), float(quality)) for quality in qualities]


def exponential(quality):
    return math.exp(quality / 5)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.0, 1.3])
def test_a_curve_with_a_multiple_of_the_bits_differs_by_this_factor(factor):
    dearer = curve(lambda quality: factor * exponential(quality))
    assert rates.bd_rate(curve(exponential), dearer) == pytest.approx(factor - 1, abs=1e-12)
    assert rates.worst_rate(curve(exponential), dearer) == pytest.approx(factor - 1, abs=1e-12)


def test_the_bd_rate_is_the_geometric_mean_of_ratios_over_the_common_range_alone():
    """Of log-rates q / 5 and q / 4 - 2: their difference, linear, has the mean of its ends, 32 and 38."""
    steeper = curve(lambda quality: math.exp(quality / 4 - 2), np.linspace(32, 42, 7))
    reference = curve(exponential, np.linspace(20, 38, 5))
    assert rates.bd_rate(reference, steeper) == pytest.approx(math.expm1(35 / 20 - 2))
    assert rates.worst_rate(reference, steeper) == pytest.approx(math.expm1(38 / 20 - 2))


def test_the_order_of_points_and_points_beaten_by_others_do_not_matter():
    points = curve(exponential)
    assert rates.bd_rate(points, [*reversed(points), (points[2][0] + 1, points[2][1] - 1)]) == pytest.approx(0)


def test_exchanged_curves_have_reciprocal_rates():
    one, other = curve(exponential), curve(lambda quality: math.exp((quality / 15) ** 2), np.linspace(28, 37, 8))
    assert (1 + rates.bd_rate(one, other)) * (1 + rates.bd_rate(other, one)) == pytest.approx(1)


def test_curves_without_a_common_quality_or_a_second_point_are_refused():
    low, high = curve(exponential, np.linspace(20, 29, 4)), curve(exponential)
    with pytest.raises(ValueError, match="no quality in common"):
        rates.bd_rate(low, high)
    with pytest.raises(ValueError, match="two points"):
        rates.bd_rate(high, high[:1])


def test_an_exponential_is_interpolated_exactly_and_not_extended():
    points = curve(exponential)
    assert rates.rate_at(points, 33.3) == pytest.approx(exponential(33.3))
    assert rates.quality_at(points, exponential(33.3)) == pytest.approx(33.3)
    assert math.isnan(rates.rate_at(points, 41))
    assert math.isnan(rates.quality_at(points, 1))


def test_the_model_pays_once_the_saved_bytes_exceed_its_own():
    assert rates.break_even(1000, 90, 100) == 100
    assert rates.break_even(1001, 90, 100) == 101
    assert rates.break_even(1000, 100, 100) == math.inf


def test_a_mean_curve_has_the_mean_rate_and_quality_of_each_setting():
    assert rates.mean_curve([[(1, 30), (2, 40)], [(3, 32), (6, 44)]]) == [(2, 31), (4, 42)]
