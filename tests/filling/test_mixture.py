"""Mixtures of Gaussians: expectations given the known numbers, learnt from rows with holes."""

import torch

from isthmus.filling.mixture import Mixture


def rows(count=600, seed=0):
    generator = torch.Generator().manual_seed(seed)
    factor = torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.5, -0.3, 0.8]], dtype=torch.float64)
    values = torch.randn(count, 3, generator=generator, dtype=torch.float64) @ factor.T
    known = torch.rand(count, 3, generator=generator) > 0.3
    known[:, 0] |= ~known.any(1)
    return values, known, factor @ factor.T


def test_expectation_and_spread_are_those_of_the_conditional_law():
    values, _, covariance = rows(5)
    mixture = Mixture(torch.ones(1).double(), torch.zeros(1, 3).double(), covariance[None])
    known = torch.tensor([True, True, False]).expand(5, -1)
    (given,) = mixture.given(values, known)
    slopes = torch.linalg.solve(covariance[:2, :2], covariance[:2, 2])
    assert torch.allclose(given.mean[:, 2], values[:, :2] @ slopes)
    assert torch.equal(given.mean[:, :2], values[:, :2])
    rest = covariance[2, 2] - covariance[2, :2] @ slopes
    assert torch.allclose(given.covariance[:, 2, 2], rest.expand(5))
    assert not given.covariance[:, :2].any()


def test_a_row_without_known_numbers_gets_the_means():
    mixture = Mixture(torch.ones(1).double(), torch.full((1, 3), 2.0).double(), torch.eye(3).double()[None])
    (given,) = mixture.given(torch.zeros(1, 3).double(), torch.zeros(1, 3, dtype=torch.bool))
    assert torch.equal(given.mean, torch.full((1, 3), 2.0).double())
    assert torch.allclose(given.covariance[0], torch.eye(3).double())


def test_covariance_is_learnt_in_spite_of_holes():
    values, known, covariance = rows(4000)
    learnt = Mixture.gaussian(values * known, known, shrink=0.0, rounds=40)
    assert float((learnt.covariances[0] - covariance).abs().max()) < 0.12
    assert float(learnt.means.abs().max()) < 0.1


def test_values_in_holes_are_never_used():
    values, known, _ = rows()
    one, other = (Mixture.gaussian(values.where(known, put), known, 1.0) for put in (0.0, 7.0))
    assert torch.allclose(one.covariances, other.covariances)


def test_shrinking_strongly_leaves_columns_independent():
    values, known, _ = rows()
    learnt = Mixture.gaussian(values * known, known, shrink=1e9)
    apart = learnt.covariances[0] - torch.diag(learnt.covariances[0].diagonal())
    assert float(apart.abs().max()) < 1e-3


def test_mixture_finds_groups_that_one_gaussian_can_not_express():
    generator = torch.Generator().manual_seed(1)
    group = torch.randint(0, 2, (400, 1), generator=generator).double() * 2 - 1
    noise = 0.1 * torch.randn(400, 2, generator=generator, dtype=torch.float64)
    first = torch.rand(400, 1, generator=generator, dtype=torch.float64) * 2 - 1
    values = torch.cat([first, group * first.abs(), group], 1) + torch.nn.functional.pad(noise, (0, 1))
    known = torch.ones(400, 3, dtype=torch.bool)
    one = Mixture.gaussian(values, known, 1.0)
    several = one.divided(values, known, 4, 3.0)
    known[:, 1] = False
    errors = [
        float((torch.cat([given.mean for given in own.given(values * known, known)]) - values)[:, 1].square().mean())
        for own in (one, several)
    ]
    assert errors[1] < 0.7 * errors[0]
    assert float(several.shares.sum()) == 1 or abs(float(several.shares.sum()) - 1) < 1e-12


def test_identical_rows_are_one_group():
    values = torch.ones(100, 2).double()
    known = torch.ones(100, 2, dtype=torch.bool)
    learnt = Mixture.gaussian(values, known, 1.0).divided(values, known, 5, 2.0)
    assert len(learnt.shares) == 1
    assert bool(learnt.covariances.isfinite().all())
