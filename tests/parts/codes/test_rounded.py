"""The rounded code: its symbols, its noise and its qualities."""

import math
from typing import Any

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Factorised, Hyper, Rounded, StandardNormal
from isthmus.trained.tiles import at_size

SMALL = {"channels": (6, 8, 10), "decoder_channels": (8, 6)}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def build(name="image-codec", shape=(3, 32, 32), **options) -> Any:
    return ist.recipe(name, **SMALL, **options).build(shape, remarks=False, seed=1).double().eval()


def codec(prior) -> Any:
    return build("image-codec-hyper", side=3, width=6) if prior == "hyper" else build()


def pictures(count=3, shape=(3, 32, 32)):
    return torch.rand(count, *shape, generator=generator(), dtype=torch.float64)


def at_quality(model, quality):
    model.code = model.code.replace(quality=quality)
    return model


@torch.no_grad()
def test_a_code_without_draws_is_made_of_multiples_of_the_steps():
    model = at_quality(build(), 2.5)
    z = model.encode(pictures())
    steps = model.code_module.steps(torch.full((3,), 2.5, dtype=torch.float64), 4)
    torch.testing.assert_close((z / steps).round() * steps, z, rtol=0, atol=1e-12)


@torch.no_grad()
def test_symbols_and_their_code_are_the_model_s_own_encoding():
    model = at_quality(build(), 1.25)
    quality = torch.full((3,), 1.25, dtype=torch.float64)
    features = model.encoder(pictures())
    symbols = model.code_module.symbols(features, quality)
    assert symbols.dtype == torch.int64
    torch.testing.assert_close(model.code_module.code(symbols, quality), model.encode(pictures()))


@torch.no_grad()
@pytest.mark.parametrize("prior", ["factorised", "hyper"])
def test_noise_moves_each_number_by_half_a_step_at_most(prior):
    model = codec(prior)
    x, draws = pictures(), {"code": model.code.draw(3, model.code_shape, generator(2)).double()}
    code = model(x, draws).code
    steps = model.code_module.steps(7 * draws["code"][:, 0].square(), 4)
    moved = (code.z - model.encoder(x)) / steps
    assert float(moved.abs().max()) <= 0.5 + 1e-9
    assert float(moved.abs().max()) > 0.45
    assert float(moved.mean().abs()) < 0.05


@torch.no_grad()
def test_each_sample_s_distance_is_weighted_by_its_quality():
    model = build()
    draws = {"code": model.code.draw(4, model.code_shape, generator(2)).double()}
    draws["code"][:, 0] = torch.tensor([0.0, 0.5, 1.0, 0.25]).sqrt()
    out = model(pictures(4), draws)
    expected = torch.tensor([4.0, math.sqrt(4 * 4000), 4000.0, 4 * 1000**0.25], dtype=torch.float64)
    torch.testing.assert_close(out.code.weight, expected, rtol=1e-5, atol=0)
    expected = out.code.weight
    torch.testing.assert_close(model.objective.terms(out, model)["distance"], expected * model.objective.distances(out))


@torch.no_grad()
def test_a_better_quality_costs_more_and_has_a_smaller_step():
    model = build()
    x = pictures()
    rates = []
    for quality in (0.0, 1.5, 3.0, 7.0):
        out = at_quality(model, quality)(x)
        rates.append(float(model.code.kl(out.code).sum()))
    assert rates == sorted(rates)
    steps = model.code_module.steps(torch.tensor([0.0, 0.5, 1.0, 6.0], dtype=torch.float64), 2)
    torch.testing.assert_close(steps[1], (steps[0] * steps[2]).sqrt())
    assert bool((steps[0] > steps[3]).all())


@torch.no_grad()
def test_the_kl_penalty_is_the_posterior_s_log_density_minus_the_prior_s():
    model = build()
    out = model(pictures())
    by_formula = model.code.kl(out.code).sum(1)
    by_density = out.code.distribution.log_prob(out.code.z) - model.code.prior.log_prob(out.code.z, model)
    torch.testing.assert_close(by_formula, by_density)


@torch.no_grad()
@pytest.mark.parametrize("prior", ["factorised", "hyper"])
@pytest.mark.parametrize("size", [(33, 50), (16, 16), (7, 64)])
def test_the_same_weights_take_pictures_of_any_size(prior, size):
    model: Any = at_size(codec(prior).float(), (3, *size))
    assert model is not None
    x = pictures(1, (3, *size)).float()
    assert model.reconstruct(x).shape == x.shape
    kl = model.code.kl(model(x).code)
    assert kl is not None
    assert math.isfinite(float(kl.sum()))


@pytest.mark.parametrize(("prior", "numbers"), [(Factorised(), 4), (Hyper(side=3, width=6), 7)])
def test_a_dense_network_s_code_can_be_rounded(prior, numbers):
    code = Rounded(size=4, prior=prior)
    model: Any = ist.recipe("deep", code=code, distance="sse", start="mean").build((8, 8), remarks=False)
    out = model(torch.rand(5, 8, 8), model.draw(5, generator()))
    kl = model.code.kl(out.code)
    assert kl is not None
    assert kl.shape == (5, numbers)
    assert model.code.prior.new(2, model, generator()).shape == (2, 4)


def test_training_lowers_the_loss_and_resumes_to_the_same_bits(tmp_path):
    data = ist.open_data("digits")
    made = []
    for name, epochs in (("whole", 2), ("part", 1)):
        model = ist.recipe("image-codec-hyper", side=2, width=4, **SMALL).build(data, remarks=False)
        run = ist.fit(model, data, epochs=epochs, batch_size=256, out=tmp_path / name, progress=False)
        made.append(run)
    again = ist.resume(tmp_path / "part", epochs=2, progress=False)
    assert made[0].history[-1]["loss"] < made[0].history[0]["loss"]
    for name, value in made[0].model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name


def test_impossible_qualities_and_priors_are_refused():
    with pytest.raises(BlueprintError, match="takes a quality from 0 to 7, not 8"):
        Rounded(quality=8)
    with pytest.raises(BlueprintError, match="'standard-normal' gives none"):
        Rounded(prior=StandardNormal())
    with pytest.raises(BlueprintError, match="a plain code isn't rounded"):
        ist.recipe("wae", code=ist.parts.Plain(size=3, prior=Factorised())).build((8,))
