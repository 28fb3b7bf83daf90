"""The likelihood against a linear Gaussian model, whose log p(x) is known in closed form."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from isthmus.data import Samples, Scaling, open_data
from isthmus.data.curves import Curve
from isthmus.errors import BlueprintError
from isthmus.measures import bits_per_dimension, elbo, log_density, log_likelihood
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.recipes import recipe
from isthmus.parts import Gaussian, GaussianCode, Mse

DATA, CODE, NOISE = 5, 2, 0.7


def linear_model(slack=0.0):
    """x = W z + b + noise, in float64, with the true posterior for its encoder; `slack` is added to its log-variance.

    The true posterior's covariance is diagonal, for the columns of W are orthogonal.
    """
    rng = np.random.default_rng(0)
    w = torch.from_numpy(np.linalg.qr(rng.normal(size=(DATA, CODE)))[0] * [1.5, 0.8])
    b = torch.from_numpy(rng.normal(size=DATA))
    variance = 1 / (1 + w.square().sum(0) / NOISE**2)
    encoder, decoder = nn.Linear(DATA, 2 * CODE).double(), nn.Linear(CODE, DATA).double()
    gain = variance[:, None] * w.T / NOISE**2
    with torch.no_grad():
        decoder.weight.copy_(w)
        decoder.bias.copy_(b)
        encoder.weight.copy_(torch.cat([gain, torch.zeros(CODE, DATA)]))
        encoder.bias.copy_(torch.cat([-gain @ b, variance.log() + slack]))
    distance = Gaussian(scale=NOISE, link="identity")
    model = Autoencoder(encoder, decoder, shape=(DATA,), code=GaussianCode(), distance=distance, code_shape=(CODE,))
    covariance = w @ w.T + NOISE**2 * torch.eye(DATA, dtype=torch.float64)
    return model.double(), MultivariateNormal(b, covariance)


def samples(count=6):
    return Samples(torch.randn(count, DATA, generator=torch.Generator().manual_seed(0)))


def test_with_the_true_posterior_every_draw_tells_all():
    model, truth = linear_model()
    found = log_likelihood(model, samples(), draws=3)
    assert torch.allclose(found.per_sample, truth.log_prob(samples().tensor().double()), atol=1e-9)
    assert float(found.errors.max()) < 1e-6


def test_with_another_posterior_many_draws_come_within_their_standard_errors():
    model, truth = linear_model(slack=0.8)
    found = log_likelihood(model, samples(40), draws=4000)
    exact = truth.log_prob(samples(40).tensor().double())
    away = (found.per_sample - exact) / found.errors
    assert 0.5 < float(away.square().mean().sqrt()) < 1.5
    assert float(found.errors.max()) < 0.03
    assert found.mean == pytest.approx(float(exact.mean()), abs=0.01)
    assert found.standard_error == pytest.approx(float(exact.std()) / math.sqrt(40), rel=0.05)


def test_draws_in_pieces_are_as_good_as_together(monkeypatch):
    model, _ = linear_model(slack=0.8)
    whole = log_likelihood(model, samples(3), draws=50)
    monkeypatch.setattr("isthmus.measures.likelihood._ROWS_NUMBERS", 3 * DATA * 7)
    pieces = log_likelihood(model, samples(3), draws=50)
    assert torch.allclose(whole.per_sample, pieces.per_sample, atol=0.5)
    assert not torch.equal(whole.per_sample, pieces.per_sample)


def test_more_draws_tighten_the_bound():
    model, truth = linear_model(slack=1.5)
    many = Samples(truth.sample((2000,)).float())
    bounds = [log_likelihood(model, many, draws=draws).mean for draws in (1, 5, 50)]
    exact = float(truth.log_prob(many.tensor().double()).mean())
    assert bounds[0] < bounds[1] < bounds[2] < exact + 0.02


def test_the_elbo_falls_short_by_the_divergence_of_the_posteriors():
    model, truth = linear_model(slack=0.8)
    many = samples(4000)
    gap = 0.5 * CODE * (math.exp(0.8) - 1 - 0.8)
    found = elbo(model, many)
    exact = float(truth.log_prob(many.tensor().double()).mean())
    assert found.kl.shape == (CODE,)
    assert found.value == pytest.approx(exact - gap, abs=0.1)


def test_a_conditional_model_is_told_the_labels():
    model = recipe("vae", condition="labels", classes=3, code=2).build((1, 3, 3))
    labels = torch.tensor([0, 1, 2, 1])
    given = Samples(torch.rand(4, 1, 3, 3, generator=torch.Generator().manual_seed(0)), labels=labels)
    assert log_likelihood(model, given, draws=2).per_sample.shape == (4,)


def test_a_model_is_left_as_it_was():
    model, _ = linear_model()
    model.train()
    elbo(model, samples())
    assert model.training


def test_a_distance_that_is_no_likelihood_and_a_code_without_a_posterior_are_refused():
    vae = recipe("vae", code=2, distance=Mse()).build((1, 3, 3))
    plain = recipe("vanilla", code=2, distance="bce").build((1, 3, 3))
    given = Samples(torch.rand(2, 1, 3, 3))
    with pytest.raises(BlueprintError, match="mse isn't one"):
        elbo(vae, given)
    with pytest.raises(BlueprintError, match="has no distribution"):
        log_likelihood(plain, given, draws=2)


def test_bits_of_probabilities_are_those_of_a_code_for_the_sample():
    model = recipe("vae", code=2, widths=(8,)).build((1, 4, 4))
    assert bits_per_dimension(model, -16 * math.log(2)) == pytest.approx(1)


def test_bits_of_a_density_of_columns_with_a_curve_are_of_the_raw_data():
    raw, truth = linear_model()
    unit = torch.tensor([2.0, 0.0, 1.0, 5.0, 0.0])
    curve = Curve(torch.zeros(DATA), unit)
    model = Autoencoder(
        raw.encoder,
        raw.decoder,
        shape=(DATA,),
        code=GaussianCode(),
        distance=Gaussian(scale=NOISE, link="identity"),
        scaling=Scaling("standardise", torch.zeros(DATA), torch.full((DATA,), 3.0), curve=curve),
        code_shape=(CODE,),
    ).double()
    given = Samples(model.scaling.inverse(samples(40).tensor()))
    found = log_likelihood(model, given, draws=3).mean
    x = given.tensor().double().clone().requires_grad_()
    bent = torch.where(unit > 0, (x / torch.where(unit > 0, unit, 1)).asinh(), x) / 3
    (slope,) = torch.autograd.grad(bent.sum(), x)
    nats = truth.log_prob(bent.detach()).mean() + slope.log().sum(1).mean()
    expected = -float(nats) / DATA / math.log(2)
    assert bits_per_dimension(model, found, given) == pytest.approx(expected, abs=1e-4)
    with pytest.raises(BlueprintError, match="samples="):
        bits_per_dimension(model, found)


def test_bits_of_a_density_are_of_the_raw_data_whatever_their_scaling():
    scale = 7.0
    raw, _ = linear_model()
    scaled = Autoencoder(
        raw.encoder,
        raw.decoder,
        shape=(DATA,),
        code=GaussianCode(),
        distance=Gaussian(scale=NOISE, link="identity"),
        scaling=Scaling("standardise", 3.0, scale),
        code_shape=(CODE,),
    ).double()
    given = samples()
    stretched = Samples(given.tensor() * scale + 3.0)
    plain, found = (log_likelihood(model, of, draws=3).mean for model, of in ((raw, given), (scaled, stretched)))
    assert found == pytest.approx(plain, abs=1e-4)
    assert bits_per_dimension(scaled, found) == pytest.approx(
        bits_per_dimension(raw, plain) + math.log2(scale), abs=1e-4
    )


def test_with_shared_draws_a_sample_does_not_depend_on_the_others():
    model, _ = linear_model(slack=0.8)
    together = log_likelihood(model, samples(150), draws=7, shared=True).per_sample
    alone = [
        float(log_likelihood(model, samples(150).take([row]), draws=7, shared=True).per_sample) for row in (3, 120)
    ]
    assert np.allclose(together[[3, 120]], alone, rtol=1e-12)


def test_a_log_density_is_in_raw_units_whatever_the_likelihood():
    values = np.random.default_rng(0).normal(size=(300, 2)) * [5.0, 0.2]
    data = open_data(pd.DataFrame(values, columns=["wide", "narrow"]))
    nats = {}
    for name, options in {"vae": {"distance": "gaussian"}, "table-vae": {}}.items():
        model = recipe(name, code=2, **options).build(data)
        found = log_likelihood(model, data.train, draws=50).per_sample
        nats[name] = log_density(model, found, data.train).mean()
    normal = sum(-0.5 * math.log(2 * math.pi * math.e) - math.log(scale) for scale in (5.0, 0.2))
    for found in nats.values():  # not trained: both start at the spread of each column
        assert abs(float(found) - normal) < 0.5


def test_missing_numbers_do_not_count_in_a_log_density():
    values = np.random.default_rng(0).normal(size=(50, 3)) * 10
    values[0, 1] = np.nan
    data = open_data(values, missing="keep")
    model = recipe("vae", code=2, distance="gaussian").build(data)
    row = data.train.some(len(data.train))
    flat = torch.zeros(len(row), dtype=torch.float64)
    scale = model.scaling.scale.double().log()
    known = ~row.tensor().isnan()
    assert torch.allclose(log_density(model, flat, row), -(scale * known).sum(1))
