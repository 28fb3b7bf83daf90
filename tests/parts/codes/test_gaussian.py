"""The Gaussian code: its draws, its posterior's density, and its KL to the prior."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.recipes import recipe
from isthmus.parts import Conv, Dense, DiagonalGaussian, GaussianCode, Kl
from isthmus.parts.gaussians import standard_log_prob


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def features(count=5, *shape):
    return torch.randn(count, *(shape or (6,)), generator=generator(), dtype=torch.float64)


def test_a_code_is_its_mean_and_as_many_deviations_as_were_drawn():
    given = features().clamp(-2, 2)  # log-variances above are slowed
    noise = torch.randn(5, 4, 3, generator=generator(1), dtype=torch.float64)
    code = GaussianCode(draws=4)(given, noise)
    mean, log_variance = given[:, :3].numpy(), given[:, 3:].numpy()
    for draw in range(4):
        expected = mean + np.sqrt(np.exp(log_variance)) * noise[:, draw].numpy()
        assert np.allclose(code.z[5 * draw : 5 * (draw + 1)].numpy(), expected)


def test_a_code_without_draws_is_its_mean():
    given = features()
    assert torch.equal(GaussianCode(draws=4)(given).z, given[:, :3])


@pytest.mark.parametrize("shape", [(6,), (4, 3, 2)], ids=str)
def test_the_draws_have_the_posteriors_mean_and_deviation(shape):
    kind = GaussianCode(draws=4000)
    given = features(2, *shape)
    code = (shape[0] // 2, *shape[1:])
    assert kind.features(code) == shape
    z = kind(given, kind.draw(2, code, generator())).z.view(4000, 2, *code)
    posterior = kind(given).distribution
    assert torch.allclose(z.mean(0), posterior.mean, atol=0.15)
    assert torch.allclose(z.std(0), (0.5 * posterior.log_variance).exp(), rtol=0.1)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 2)], ids=str)
def test_densities_and_divergence_are_those_of_torch_distributions(shape):
    mean, log_variance = features(5, *shape), features(5, *shape) - 1
    posterior = DiagonalGaussian(mean, log_variance)
    reference, prior = Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)
    z = torch.randn(10, *shape, generator=generator(2), dtype=torch.float64)
    drawn = z.view(2, 5, *shape)
    assert torch.allclose(posterior.log_prob(z), reference.log_prob(drawn).flatten(2).sum(2).flatten())
    assert torch.allclose(standard_log_prob(z), prior.log_prob(z).flatten(1).sum(1))
    assert torch.allclose(posterior.kl(), kl_divergence(reference, prior))


def test_the_divergence_is_least_where_the_posterior_is_the_prior_and_with_sigma_for_its_square_it_is_not():
    mean, log_variance = torch.zeros(1, 1, requires_grad=True), torch.tensor([[0.7]], requires_grad=True)
    assert DiagonalGaussian(torch.zeros(2, 3), torch.zeros(2, 3)).kl().abs().max() == 0
    sigma = float((0.5 * log_variance).exp().detach())
    by_hand = 0.5 * (sigma**2 - 1 - np.log(sigma**2))
    as_printed = 0.5 * (sigma - 1 - np.log(sigma))
    found = float(DiagonalGaussian(mean, log_variance).kl().detach())
    assert found == pytest.approx(by_hand)
    assert found != pytest.approx(as_printed, rel=0.1)


def test_an_outliers_deviation_does_not_overflow():
    code = GaussianCode()(torch.tensor([[0.0, 500.0], [0.0, -500.0]]), torch.ones(2, 1, 1))
    assert bool(code.z.isfinite().all())
    assert bool(code.distribution.kl().isfinite().all())


@pytest.mark.parametrize("feature", [5.0, 500.0, -500.0])
def test_beyond_its_bounds_a_log_variance_costs_as_much_as_the_feature_is_large_and_never_loses_its_gradient(feature):
    given = torch.tensor([[0.0, feature]], requires_grad=True)
    kl = GaussianCode()(given).distribution.kl().sum()
    assert float(kl.detach()) < 5 * abs(feature)
    slope = float(torch.autograd.grad(kl, given)[0][0, 1])
    assert 1e-4 < abs(slope) < 5
    assert slope * feature > 0  # back towards the prior


def test_within_its_bounds_a_log_variance_is_the_feature_itself():
    given = torch.tensor([[0.0, -19.0], [0.0, 1.9]])
    assert torch.equal(GaussianCode()(given).distribution.log_variance, given[:, 1:])


def test_an_odd_number_of_features_is_refused():
    with pytest.raises(BlueprintError, match="makes 5 features"):
        Autoencoder(nn.Linear(4, 5), nn.Linear(2, 4), shape=(4,), code=GaussianCode())


def test_somebodys_own_modules_make_a_vae():
    model = Autoencoder(nn.Linear(4, 6), nn.Linear(3, 4), shape=(4,), code=GaussianCode(), penalties=(Kl(),))
    assert model.code_shape == (3,)
    total, terms = model.loss(model(torch.rand(7, 4), model.draw(7, generator())))
    torch.testing.assert_close(total, terms["distance"] + terms["kl"])


@pytest.mark.parametrize("network", [Dense(widths=(9,)), Conv(channels=(4,))], ids=str)
def test_a_pass_differs_by_its_draws_alone(network):
    model = recipe("vae", network=network, code=5).build((1, 6, 6))
    raw = torch.rand(3, 1, 6, 6, generator=generator())
    seen, again, other = (model(raw, model.draw(3, generator(seed))) for seed in (1, 1, 2))
    assert torch.equal(seen.code.z, again.code.z)
    assert not torch.equal(seen.code.z, other.code.z)
    assert torch.equal(model.encode(raw), seen.code.distribution.mean)
