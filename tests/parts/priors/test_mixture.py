"""Mixture priors: one that learns with the model, and those that are fitted to its codes afterwards."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributions as dist

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.measures import elbo, log_likelihood
from isthmus.parts import ExemplarPrior, FittedPrior, MixturePrior, Plain, TwoStage
from isthmus.parts.forward_pass import Batch, Code, Pass
from isthmus.parts.gaussians import DiagonalGaussian, standard_log_prob

AFTERWARDS = {"rae": FittedPrior(components=2), "exemplar-vae": ExemplarPrior(), "two-stage-vae": TwoStage(steps=40)}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def built(prior, size=2, name="vae") -> Any:
    model = ist.recipe(name, code=size, widths=[8], prior=prior).build((9,), remarks=False, seed=3)
    return model.double().eval()


def clusters(count=300, seed=0):
    """(N, 2) float64 around two places."""
    place = generator(seed)
    side = torch.randint(0, 2, (count, 1), generator=place) * 6.0 - 3
    return torch.cat([side, 0.5 * side], 1).double() + 0.3 * torch.randn(count, 2, generator=place).double()


@torch.no_grad()
def test_the_density_is_that_of_the_mixture_and_draws_follow_it():
    prior = MixturePrior(components=3)
    model = built(prior)
    module: Any = model.module_of(model.code.prior)
    module.logits.copy_(torch.tensor([0.0, 1.0, -1.0]))
    module.log_variances.copy_(torch.randn(3, 2, generator=generator(1)) / 2)
    normals = dist.Independent(dist.Normal(module.means, (0.5 * module.log_variances).exp()), 1)
    mixture = dist.MixtureSameFamily(dist.Categorical(logits=module.logits), normals)
    z = torch.randn(7, 2, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(prior.log_prob(z, model), mixture.log_prob(z))
    drawn = prior.new(20_000, model, generator())
    assert bool(((drawn.mean(0) - mixture.mean).abs() < 5 * mixture.variance.sqrt() / 20_000**0.5).all())


@pytest.mark.parametrize("prior", AFTERWARDS.values(), ids=lambda prior: prior.kind)
@torch.no_grad()
def test_a_prior_to_be_fitted_is_a_standard_normal_before(prior):
    model, z = built(prior), torch.randn(7, 2, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(model.code.prior.log_prob(z, model), standard_log_prob(z))
    drawn = model.code.prior.new(4000, model, generator())
    assert bool((drawn.mean(0).abs() < 0.1).all())
    assert bool(((drawn.std(0) - 1).abs() < 0.1).all())


SECOND = TwoStage(steps=400, passes=1000, widths=(64,))


@pytest.mark.parametrize(("prior", "least", "near"), [(FittedPrior(components=2), 1.5, 0.9), (SECOND, 0.5, 0.6)])
@torch.no_grad()
def test_a_fitted_prior_finds_the_clusters(prior, least, near):
    model, codes = built(prior), clusters()
    prior.learn(codes, model.prior_module, generator())
    normal = dist.MultivariateNormal(codes.mean(0), codes.T.cov())
    fresh = clusters(seed=1)
    assert float((prior.log_prob(fresh, model) - normal.log_prob(fresh)).mean()) > least
    drawn = prior.new(2000, model, generator(2))
    assert 0.4 < float((drawn[:, 0] > 0).double().mean()) < 0.6
    assert float(((drawn[:, 0].abs() - 3).abs() < 1.2).double().mean()) > near


@torch.no_grad()
def test_a_fitted_mixture_has_the_density_of_its_normals():
    prior, codes = FittedPrior(components=2), clusters() @ torch.tensor([[1.0, 0.4], [0.0, 1.0]]).double()
    model = built(prior)
    prior.learn(codes, model.prior_module, generator())
    module = model.prior_module
    normals = dist.MultivariateNormal(module.means, module.factors @ module.factors.mT)
    mixture = dist.MixtureSameFamily(dist.Categorical(module.shares), normals)
    torch.testing.assert_close(prior.log_prob(codes, model), mixture.log_prob(codes), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_few_codes_leave_it_as_it_was():
    for prior in AFTERWARDS.values():
        model = built(prior)
        prior.learn(torch.ones(1, 2).double(), model.prior_module, generator())
        assert bool(prior.log_prob(torch.ones(1, 2).double(), model).isfinite().all())


@torch.no_grad()
def test_the_two_stage_density_is_a_lower_bound_that_integrates_to_at_most_one():
    prior = TwoStage(steps=200, widths=(8,), draws=64)
    model = built(prior)
    prior.learn(clusters(), model.prior_module, generator())
    axis = torch.linspace(-9, 9, 100, dtype=torch.float64)
    total = prior.log_prob(torch.cartesian_prod(axis, axis), model).exp().sum() * float(axis[1] - axis[0]) ** 2
    assert float(total) == pytest.approx(1, abs=0.1)


def exemplar_pass(model, means, z):
    posterior = DiagonalGaussian(means, torch.zeros_like(means))
    nothing = torch.zeros(len(means), 9)
    return Pass(Batch(nothing), nothing, Code(z, posterior), nothing, lambda x: x)


def test_an_exemplar_prior_leaves_each_sample_out_of_its_own_exemplars():
    prior = ExemplarPrior()
    model = built(prior).train()
    means = torch.randn(5, 2, generator=generator(), dtype=torch.float64)
    z = torch.randn(10, 2, generator=generator(1), dtype=torch.float64)  # of two draws
    found = prior.of_pass(exemplar_pass(model, means, z), model)
    for row in range(10):
        others = torch.cat([means[: row % 5], means[row % 5 + 1 :]])
        each = dist.Independent(dist.Normal(others, 1.0), 1).log_prob(z[row])
        torch.testing.assert_close(found[row], each.logsumexp(0) - math.log(4))
    alone = prior.of_pass(exemplar_pass(model, means[:1], z[:1]), model)
    torch.testing.assert_close(alone, standard_log_prob(z[:1]))


@torch.no_grad()
def test_after_training_its_exemplars_are_the_stored_codes():
    prior = ExemplarPrior(exemplars=4)
    model = built(prior)
    codes = torch.randn(9, 2, generator=generator(), dtype=torch.float64)
    prior.learn(codes, model.prior_module, generator())
    kept = codes[[0, 3, 5, 8]]
    z = torch.randn(6, 2, generator=generator(1), dtype=torch.float64)
    each = dist.Independent(dist.Normal(kept, 1.0), 1).log_prob(z[:, None])
    torch.testing.assert_close(prior.log_prob(z, model), each.logsumexp(1) - math.log(4))
    drawn = prior.new(5000, model, generator())
    assert bool(((drawn.mean(0) - kept.mean(0)).abs() < 0.1).all())


@pytest.fixture(scope="module")
def data():
    return ist.open_data(np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32), seed=1)


@pytest.mark.parametrize(("name", "prior"), AFTERWARDS.items())
def test_training_fits_it_and_it_comes_back_from_disk_and_is_drawn_from(name, prior, data, tmp_path):
    blueprint = ist.recipe(name, code=2, widths=[8], prior=prior)
    if name != "rae":
        blueprint = blueprint.with_options(distance="gaussian")
    new: Any = blueprint.build(data, remarks=False)
    start = new.prior_module.state_dict()
    run: Any = ist.fit(blueprint.build(data, remarks=False), data, epochs=1, out=tmp_path, progress=False)
    loaded: Any = ist.load(tmp_path)
    again = loaded.model.prior_module.state_dict()
    assert any(not torch.equal(again[key], value) for key, value in start.items())
    assert all(torch.equal(again[key], value) for key, value in run.model.prior_module.state_dict().items())
    assert ist.sample(run, 5).values.shape == (5, 6)
    if name != "rae":
        assert elbo(run.model, data.test).kl.shape == (1,), "the ELBO counts with the fitted prior"
        assert math.isfinite(log_likelihood(run.model, data.test, draws=5).mean)


def test_exemplars_need_a_normal_posterior():
    with pytest.raises(BlueprintError, match="a plain code has none"):
        ist.recipe("wae", code=Plain(size=3, prior=ExemplarPrior())).build((9,))
