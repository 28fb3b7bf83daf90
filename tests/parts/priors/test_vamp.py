"""The VampPrior: a mixture of posteriors, by its density, its draws and its start."""

import pytest
import torch
from torch import distributions as dist

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import GaussianCode, Plain, VampPrior
from isthmus.parts.model import code_from


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pseudo_inputs(model):
    return model.module_of(model.code.prior).get_parameter("values")


@pytest.fixture(scope="module")
def data():
    return ist.open_data("digits")


@pytest.fixture(scope="module")
def model(data):
    model = ist.recipe("vamp-vae", code=3, prior=VampPrior(components=5), widths=[16]).build(data, remarks=False)
    return model.double().eval()


def test_density_is_that_of_the_mixture_of_the_pseudo_inputs_posteriors(model):
    prior, z = model.code.prior, torch.randn(7, 3, generator=generator(), dtype=torch.float64)
    q = code_from(model, pseudo_inputs(model)).distribution
    normals = dist.Independent(dist.Normal(q.mean, (0.5 * q.log_variance).exp()), 1)
    mixture = dist.MixtureSameFamily(dist.Categorical(torch.ones(5)), normals)
    torch.testing.assert_close(prior.log_prob(z, model), mixture.log_prob(z))


@torch.no_grad()
def test_draws_have_the_mixtures_mean(model):
    prior = model.code.prior
    drawn = prior.sample(prior.draw(20_000, (3,), generator()), model)
    q = code_from(model, pseudo_inputs(model)).distribution
    spread = (q.log_variance.exp().mean(0) + q.mean.var(0, correction=0)).sqrt()
    assert bool(((drawn.mean(0) - q.mean.mean(0)).abs() < 5 * spread / 20_000**0.5).all())


def test_pseudo_inputs_begin_as_samples_of_the_training_part(data, model):
    scaled = data.scaling(data.train.tensor()).flatten(1)
    values = pseudo_inputs(model).detach().float().flatten(1)
    assert float((values[:, None] - scaled).abs().amax(2).amin(1).max()) < 1e-6


def test_pseudo_inputs_learn_and_come_back_from_disk(data, tmp_path):
    run = ist.fit(
        ist.recipe("vamp-vae", code=2, widths=[8]).build(data, remarks=False),
        data, epochs=1, out=tmp_path, progress=False,
    )  # fmt: skip
    start = pseudo_inputs(ist.recipe("vamp-vae", code=2, widths=[8]).build(data, remarks=False))
    again = pseudo_inputs(ist.load(tmp_path).model)
    assert not torch.equal(again, start)
    assert torch.equal(again, pseudo_inputs(run.model))


def test_a_code_without_a_posterior_and_an_encoder_with_labels_are_refused(data):
    with pytest.raises(BlueprintError, match="a plain code has none"):
        ist.recipe("wae", code=Plain(size=3, prior=VampPrior())).build(data)
    with pytest.raises(BlueprintError, match="also needs labels or a mask"):
        ist.recipe("cvae", code=GaussianCode(size=3, prior=VampPrior())).build(data)


def test_an_encoder_with_batch_normalisation_has_pseudo_inputs_too(data):
    model = ist.recipe("vamp-vae", code=3, prior=VampPrior(components=5), widths=[16], normalisation="batch")
    run = ist.fit(model.build(data, remarks=False), data, epochs=1, progress=False, compile=False)
    assert run.status == "finished"
