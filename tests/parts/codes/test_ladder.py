"""The ladder code: two levels, against distributions that PyTorch has."""

import pytest
import torch
from torch import distributions as dist

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.measures import elbo, log_likelihood
from isthmus.parts import Ladder, Plain, TopDown
from isthmus.parts.gaussians import DiagonalGaussian


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model():
    model = ist.recipe("ladder-vae", code=4, top=2, width=8, widths=[16]).build((12,), remarks=False, seed=1)
    return model.double().eval()


def drawn(model, count=5, draws=3):
    x = torch.rand(count, 12, generator=generator(), dtype=torch.float64)
    noise = model.code.draw(count, model.code_shape, generator(1), draws=draws).double()
    return model(x, {"code": noise})


def normal(of: DiagonalGaussian):
    return dist.Independent(dist.Normal(of.mean, (0.5 * of.log_variance).exp()), 1)


def test_a_code_holds_both_levels(model):
    assert model.code_shape == (6,)
    assert drawn(model).code.z.shape == (15, 6)
    assert model.encode(torch.rand(2, 12)).shape == (2, 6)


def test_densities_are_those_of_the_two_levels(model):
    out = drawn(model)
    z, q = out.code.z, out.code.distribution
    upper = DiagonalGaussian(q.upper.mean.repeat(3, 1), q.upper.log_variance.repeat(3, 1))
    torch.testing.assert_close(q.log_prob(z), normal(q.lower).log_prob(z[:, :4]) + normal(upper).log_prob(z[:, 4:]))
    expected = normal(DiagonalGaussian.of(model.code_module.below(z[:, 4:]))).log_prob(z[:, :4])
    expected = expected + dist.Normal(0, 1).log_prob(z[:, 4:]).sum(1)
    torch.testing.assert_close(model.code.prior.log_prob(z, model), expected)


@torch.no_grad()
def test_the_lower_posterior_is_the_product_of_what_the_sample_and_the_upper_level_say(model):
    out = drawn(model, count=1, draws=1)
    features = model.encoder(out.batch.clean)
    seen, q = DiagonalGaussian.of(features[:, :8]), out.code.distribution
    at = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None].expand(7, 4)
    both = [dist.Normal(of.mean, (0.5 * of.log_variance).exp()).log_prob(at) for of in (seen, q.expected)]
    found = dist.Normal(q.lower.mean, (0.5 * q.lower.log_variance).exp()).log_prob(at)
    left = (both[0] + both[1] - found) - (both[0] + both[1] - found)[:1]  # the same constant everywhere
    torch.testing.assert_close(left, torch.zeros_like(left), atol=1e-9, rtol=0)


@torch.no_grad()
def test_kl_in_closed_form_is_the_mean_over_draws(model):
    x = torch.rand(1, 12, generator=generator(), dtype=torch.float64)
    noise = model.code.draw(1, model.code_shape, generator(2), draws=40_000).double()
    out = model(x, {"code": noise})
    sampled = out.code.distribution.log_prob(out.code.z) - model.code.prior.log_prob(out.code.z, model)
    closed = model.code.prior.kl(out.code.distribution).sum(1)
    error = float((sampled - closed).std()) / 200
    assert float(closed.mean()) == pytest.approx(float(sampled.mean()), abs=5 * error)


@torch.no_grad()
def test_draws_of_the_prior_come_from_the_top_down(model):
    prior = model.code.prior
    noise = prior.draw(6, model.code_shape, generator(4)).double()
    z = prior.sample(noise, model)
    assert torch.equal(z[:, 4:], noise[:, 4:])
    below = DiagonalGaussian.of(model.code_module.below(z[:, 4:]))
    torch.testing.assert_close(z[:, :4], below.mean + (0.5 * below.log_variance).exp() * noise[:, :4])


def test_the_evidence_lower_bound_is_below_the_likelihood():
    data = ist.open_data("digits")
    run = ist.fit(ist.recipe("ladder-vae", code=4, top=2, widths=[32]).build(data), data, epochs=8, progress=False)
    few = data.test.some(40)
    assert elbo(run.model, few).value < log_likelihood(run.model, few, draws=50).mean


def test_a_code_without_levels_has_no_such_prior_and_a_map_no_levels():
    with pytest.raises(BlueprintError, match="a plain code has one"):
        ist.recipe("wae", code=Plain(size=3, prior=TopDown())).build((12,))
    with pytest.raises(BlueprintError, match="A ladder code must be flat"):
        ist.recipe("ladder-vae", code=Ladder(size=(2, 3))).build((12,))
