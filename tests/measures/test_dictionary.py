"""Measures of dictionaries on codes with known answers."""

import numpy as np
import pytest
import torch

from isthmus.measures import absorption, detection, matched_cosine

FEATURES = torch.eye(4, 6)


def test_directions_are_matched_one_to_one_whatever_their_order_sign_and_length():
    assert matched_cosine(-3 * FEATURES[[2, 0, 3, 1]], FEATURES) == pytest.approx(1)
    assert matched_cosine(FEATURES[[0, 0]], FEATURES) == pytest.approx(0.5), "the second has no feature left"


def test_detection_counts_what_a_dimension_finds_and_misses():
    active = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 0]], dtype=torch.bool)
    codes = torch.tensor([[2.0, 0], [0, 0], [1, 1], [0, 0]])
    found = detection(codes, active, FEATURES[:2], FEATURES[:2])
    assert found.precision == pytest.approx((1 / 2 + 1) / 2)
    assert found.recall == pytest.approx((1 / 2 + 1) / 2)
    assert found.f1 == pytest.approx((1 / 2 + 1) / 2)
    silent = detection(torch.zeros(4, 2), active, FEATURES[:2], FEATURES[:2])
    assert silent == (0, 0, 0)


def test_a_child_that_contains_its_silent_parent_has_absorbed_it():
    active = torch.tensor([[1, 1], [1, 1], [1, 0], [0, 0]], dtype=torch.bool)
    parents = np.array([-1, 0])
    apart = (active * 1.0, active, FEATURES[:2], FEATURES[:2], parents)
    assert absorption(*apart) == 0
    mixed = torch.stack([FEATURES[0], FEATURES[1] + 0.8 * FEATURES[0]])
    codes = torch.tensor([[0.0, 1], [1, 1], [1, 0], [0, 0]])
    assert absorption(codes, active, mixed, FEATURES[:2], parents) == pytest.approx(1 / 2)
