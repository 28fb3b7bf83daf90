"""Stacking: weights from errors in hidden cells."""

import torch

from isthmus.filling.stacking import shares, simplex_weights


def errors(*deviations, count=400, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, len(deviations), generator=generator, dtype=torch.float64) * torch.tensor(deviations)


def test_weights_are_those_of_the_least_error():
    column_of = torch.zeros(4000, dtype=torch.int64)
    weights = simplex_weights(errors(1.0, 2.0, count=4000), column_of, 1)
    assert torch.allclose(weights[0], torch.tensor([0.8, 0.2]).double(), atol=0.05)  # inverse variances


def test_weights_are_shares_of_one():
    weights = simplex_weights(errors(1.0, 1.0, 30.0), torch.arange(400) % 3, 4)
    assert bool((weights >= 0).all())
    assert torch.allclose(weights.sum(1), torch.ones(4).double())


def test_a_column_without_hidden_cells_gets_what_the_others_share():
    weights = simplex_weights(errors(0.1, 2.0), torch.zeros(400, dtype=torch.int64), 2)
    assert float(weights[1, 0]) > 0.9


def test_without_any_hidden_cell_all_count_alike():
    weights = simplex_weights(torch.zeros(0, 4).double(), torch.zeros(0, dtype=torch.int64), 2)
    assert torch.allclose(weights, torch.full((2, 4), 0.25).double())
    none = torch.zeros(0).double()
    assert torch.equal(shares(none, none, torch.zeros(0, dtype=torch.int64), 3), torch.full((3,), 0.5).double())


def test_the_better_of_two_gets_the_larger_share():
    made = errors(2.0, 1.0, count=4000)
    share = shares(made[:, 0], made[:, 1], torch.zeros(4000, dtype=torch.int64), 1)
    assert abs(float(share[0]) - 0.8) < 0.05
