"""The hyperspherical code against SciPy: density, KL, draws, and their derivatives."""

import numpy as np
import pytest
import torch
from scipy import special, stats

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Hyperspherical, StandardNormal
from isthmus.parts.von_mises_fisher import VonMisesFisher, _slope, directions, log_surface

SIZES, KAPPAS = (2, 3, 4, 10, 100), (1e-3, 0.5, 1.0, 8.0, 100.0, 5e3)


def posterior(kappa, size, dtype=torch.float64):
    mean = torch.nn.functional.normalize(torch.arange(1.0, size + 1, dtype=dtype) * (-1) ** torch.arange(size), dim=0)
    return VonMisesFisher(mean[None], torch.tensor([kappa], dtype=dtype))


def known_ratio(kappa, size):
    """E cos θ."""
    return special.ive(size / 2, kappa) / special.ive(size / 2 - 1, kappa)


def known_kl(kappa, size):
    order = size / 2 - 1
    log_constant = order * np.log(kappa) - size / 2 * np.log(2 * np.pi) - np.log(special.ive(order, kappa)) - kappa
    return kappa * known_ratio(kappa, size) + log_constant + log_surface(size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kappa", KAPPAS)
def test_the_kl_and_its_derivative_are_those_of_the_bessel_functions(kappa, size):
    q = posterior(kappa, size)
    q.concentration.requires_grad_()
    kl = q.kl().sum()
    assert float(kl.detach()) == pytest.approx(known_kl(kappa, size), rel=1e-8, abs=1e-9)
    ratio = known_ratio(kappa, size)
    slope = kappa * (1 - ratio**2 - (size - 1) / kappa * ratio)  # κ A'(κ), which cancels where κ is large
    assert float(torch.autograd.grad(kl, q.concentration)[0]) == pytest.approx(
        slope, rel=1e-6, abs=3e-16 * size * kappa**2
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kappa", KAPPAS)
def test_in_float32_it_is_as_good_as_float32_can_be(kappa, size):
    q = posterior(kappa, size, torch.float32)
    q.concentration.requires_grad_()
    kl = q.kl().sum()
    exact = posterior(kappa, size)
    exact.concentration.requires_grad_()
    wanted = exact.kl().sum()
    assert float(kl.detach()) == pytest.approx(float(wanted.detach()), rel=1e-4, abs=1e-4)
    one, other = (torch.autograd.grad(x, y.concentration)[0] for x, y in ((kl, q), (wanted, exact)))
    assert float(one) == pytest.approx(float(other), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("size", [2, 3, 10])
@pytest.mark.parametrize("kappa", [0.5, 8.0, 100.0])
def test_the_density_is_scipys(kappa, size):
    q = posterior(kappa, size)
    z = torch.nn.functional.normalize(torch.randn(5, size, generator=torch.Generator().manual_seed(0)).double(), dim=1)
    known = stats.vonmises_fisher(q.mean[0].numpy(), kappa).logpdf(z.numpy())
    torch.testing.assert_close(q.log_prob(z), torch.from_numpy(np.asarray(known)), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("size", "kappa"), [(2, 0.5), (2, 30.0), (3, 4.0), (10, 1.0), (10, 60.0), (50, 500.0)])
def test_draws_have_the_distributions_moments(kappa, size):
    q, count = posterior(kappa, size), 20_000
    z = q.sample(directions(1, count, size, 16, torch.Generator().manual_seed(1)).double())
    torch.testing.assert_close(z.square().sum(1), torch.ones(count).double())
    cosines, ratio = z @ q.mean[0], known_ratio(kappa, size)
    spread = (1 - ratio**2 - (size - 1) / kappa * ratio) ** 0.5
    assert float(cosines.mean()) == pytest.approx(ratio, abs=5 * spread / count**0.5)
    assert float(cosines.std()) == pytest.approx(spread, rel=0.05)
    across = z - cosines[:, None] * q.mean
    assert float((across.mean(0).abs() / (across.std(0) + 1e-12)).max()) < 5 / count**0.5


@pytest.mark.parametrize(("size", "kappa"), [(2, 0.7), (3, 1e-3), (3, 5.0), (10, 1.0), (10, 80.0), (40, 2e3)])
def test_a_draws_derivative_is_that_of_the_distribution_function(kappa, size):
    def below(angle, kappa):
        at = np.linspace(0, np.pi, 400_001)
        logs = kappa * (np.cos(at) - 1) + (size - 2) * np.log(np.maximum(np.sin(at), 1e-300))
        density = np.exp(logs - logs.max())
        total = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
        return np.interp(angle, at, total / total[-1]), np.interp(angle, at, density / (total[-1] * (at[1] - at[0])))

    q = posterior(kappa, size)
    z = q.sample(directions(1, 8, size, 16, torch.Generator().manual_seed(0)).double())
    angles = np.arccos((z @ q.mean[0]).numpy().clip(-1, 1))
    step = kappa * 1e-3
    known = -(below(angles, kappa + step)[0] - below(angles, kappa - step)[0]) / (2 * step) / below(angles, kappa)[1]
    found = _slope(torch.from_numpy(angles)[None], torch.full((1, 8), kappa, dtype=torch.float64), size)[0]
    np.testing.assert_allclose(found.numpy(), known, rtol=5e-3, atol=1e-6 * np.abs(known).max())


def test_the_gradient_of_an_expectation_is_exact_although_draws_are_rejected():
    kappa, size, count = 3.0, 4, 40_000
    q = posterior(kappa, size)
    q.concentration.requires_grad_()
    z = q.sample(directions(1, count, size, 16, torch.Generator().manual_seed(3)).double())
    cosines = z @ q.mean[0]
    found = torch.autograd.grad(cosines.mean(), q.concentration)[0]
    ratio = known_ratio(kappa, size)
    assert float(found) == pytest.approx(1 - ratio**2 - (size - 1) / kappa * ratio, rel=0.02)


def test_the_smallest_code_has_two_numbers_and_a_sphere_its_own_prior():
    assert ist.recipe("hyperspherical-vae").build((1,), remarks=False).code_shape[0] >= 2
    with pytest.raises(BlueprintError, match="2 numbers or more"):
        ist.recipe("hyperspherical-vae", code=1).build((9,), remarks=False)
    with pytest.raises(BlueprintError, match="has no density"):
        Hyperspherical(prior=StandardNormal())
    with pytest.raises(BlueprintError, match="codes of length 1"):
        ist.recipe("vae", code=2, prior="uniform-sphere").build((9,), remarks=False)


def test_new_codes_have_length_one_and_the_likelihood_is_a_number():
    data = ist.open_data(np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32))
    blueprint = ist.recipe("hyperspherical-vae", code=3, widths=[8], distance="gaussian")
    run = ist.fit(blueprint.build(data, remarks=False), data, epochs=1, progress=False)
    torch.testing.assert_close(ist.sample(run, 7).codes.square().sum(1), torch.ones(7))
    torch.testing.assert_close(run.encode(data.test).square().sum(1), torch.ones(len(data.test)))
    assert np.isfinite(ist.measures.log_likelihood(run.model, data.test, draws=20).mean)
