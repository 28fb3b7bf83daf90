"""The test of normality: right for normal codes, and hard on others."""

import torch

from benchmarks.proofs import normality


def normal(count, size):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(7))


def test_normal_codes_are_told_apart_as_often_as_the_level_says_and_others_always():
    codes = normal(3000, 3)
    assert normality.told_apart(codes, size=40, times=60) < 0.15
    assert normality.told_apart(1 + codes, size=40, times=20) > 0.9
    assert normality.told_apart(2 * codes, size=40, times=20) > 0.9


def test_the_discrepancy_is_near_zero_for_normal_codes_and_not_for_wider_ones():
    assert abs(normality.discrepancy(normal(4000, 4))) < 0.002
    assert normality.discrepancy(2 * normal(4000, 4)) > 0.05
