"""Total correlation: its estimate against a second implementation, Gaussians with a known one, and every batch."""

import itertools
import math

import numpy as np
import pytest
import torch

from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import DataSpec, Dense, DiagonalGaussian, GaussianCode, Ladder, Plain, TotalCorrelation
from isthmus.parts.penalties.total_correlation import total_correlation


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def build(penalty, code=None):
    return (
        Blueprint(network=Dense(widths=(6,)), code=code or GaussianCode(size=3), penalties=(penalty,))
        .build((5,), remarks=False)
        .double()
    )


def seen_by(model, count=6):
    x = torch.rand(count, 5, generator=generator(), dtype=torch.float64)
    draws = {"code": model.code.draw(count, model.code_shape, generator(1)).double()}
    return model(x, draws)


def density(z, mean, log_variance):
    return math.exp(-0.5 * (z - mean) ** 2 / math.exp(log_variance)) / math.sqrt(2 * math.pi * math.exp(log_variance))


def by_loops(seen, weight_of):
    """(K·N,) the estimate, a number at a time; weight_of: (code's sample, other sample, N) to the weight."""
    posterior, z = seen.code.distribution, seen.code.z.detach().numpy()
    means, logs = posterior.mean.detach().numpy(), posterior.log_variance.detach().numpy()
    count, found = len(means), []
    for row, code in enumerate(z):
        weights = [weight_of(row % count, other, count) for other in range(count)]
        each = [[density(one, m, v) for one, m, v in zip(code, means[o], logs[o], strict=True)] for o in range(count)]
        joint = sum(w * math.prod(of) for w, of in zip(weights, each, strict=True))
        alone = [sum(w * of[place] for w, of in zip(weights, each, strict=True)) for place in range(len(code))]
        found.append(math.log(joint) - sum(map(math.log, alone)))
    return found


def stratified(size):
    """The weights of Chen et al., appendix C.2, with M = batch - 1."""

    def weight(own, other, count):
        others = count - 1
        if own == other:
            return 1 / size
        return (size - others) / (size * others) if other == (own + 1) % count else 1 / others

    return weight


@pytest.mark.parametrize(
    ("penalty", "weight"),
    [
        (TotalCorrelation(), lambda own, other, count: 1 / count),
        (TotalCorrelation(sampling="stratified", samples=40), stratified(40)),
        (TotalCorrelation(sampling="stratified"), lambda own, other, count: 1 / count),  # N unknown
    ],
)
def test_the_estimate_is_the_papers_for_every_draw(penalty, weight):
    model = build(penalty, GaussianCode(size=3, draws=2))
    seen = seen_by(model)
    found = model.objective.penalties[0](seen, model)
    assert found.detach().numpy() == pytest.approx(by_loops(seen, weight), rel=1e-9)


def test_stratified_weights_are_unbiased_over_all_batches_with_the_sample():
    size, batch = 6, 4
    place = np.random.default_rng(0)
    mean, code = place.normal(size=size), 0.3
    densities = np.array([density(code, m, 0.0) for m in mean])
    penalty = TotalCorrelation(sampling="stratified", samples=size)
    found = []
    for others in itertools.permutations(range(1, size), batch - 1):
        rows = [0, *others]
        logs = penalty._log_weights(batch, torch.zeros((), dtype=torch.float64))
        found.append((logs[0].exp().numpy() * densities[rows]).sum())
    assert np.mean(found) == pytest.approx(densities.mean(), rel=1e-12)


@pytest.mark.parametrize("sampling", ["weighted", "stratified"])
def test_it_is_the_known_one_of_correlated_gaussians(sampling):
    count, correlation, noise = 1000, 0.8, 0.5
    normal = torch.randn(count, 2, generator=generator(), dtype=torch.float64)
    other = correlation * normal[:, 0] + math.sqrt(1 - correlation**2) * normal[:, 1]
    mean = torch.stack([normal[:, 0], other], 1)
    posterior = DiagonalGaussian(mean, torch.full_like(mean, 2 * math.log(noise)))
    z = posterior.sample(torch.randn(count, 1, 2, generator=generator(1), dtype=torch.float64))
    logs = TotalCorrelation(sampling=sampling, samples=count)._log_weights(count, z)
    found = total_correlation(z, posterior, logs)
    shared = correlation / (1 + noise**2)  # the correlation of the codes, whose covariance is that of the means + σ²
    error = float(found.std()) / math.sqrt(count)
    assert float(found.mean()) == pytest.approx(-0.5 * math.log(1 - shared**2), abs=4 * error + 0.01)


def test_independent_dimensions_have_none_and_a_single_sample_has_none():
    normal = torch.randn(1000, 1, 3, generator=generator(), dtype=torch.float64)
    posterior = DiagonalGaussian(torch.zeros(1000, 3).double(), torch.zeros(1000, 3).double())
    flat = torch.full((1000, 1000), -math.log(1000), dtype=torch.float64)
    assert total_correlation(posterior.sample(normal), posterior, flat).abs().max() < 1e-9
    for sampling in ("weighted", "stratified"):
        model = build(TotalCorrelation(sampling=sampling))
        seen = seen_by(model, 1)
        assert model.objective.penalties[0](seen, model).item() == pytest.approx(0, abs=1e-12)


def test_its_gradient_is_that_of_finite_differences():
    mean = torch.randn(4, 2, generator=generator(), dtype=torch.float64, requires_grad=True)
    logs = torch.randn(4, 2, generator=generator(1), dtype=torch.float64, requires_grad=True)
    noise = torch.randn(4, 1, 2, generator=generator(2), dtype=torch.float64)
    weights = TotalCorrelation(sampling="stratified", samples=9)._log_weights(4, mean)

    def value(mean, logs):
        posterior = DiagonalGaussian(mean, logs)
        return total_correlation(posterior.sample(noise), posterior, weights).mean()

    assert torch.autograd.gradcheck(value, (mean, logs))


def test_weight_and_samples_are_decided_from_the_data():
    spec = DataSpec(inputs=196, rows=500)
    assert TotalCorrelation().resolve(spec).weight == 1.25
    assert TotalCorrelation().resolve(spec).samples == "auto"  # which the weighted estimate doesn't need
    assert TotalCorrelation(sampling="stratified").resolve(spec).samples == 500
    assert TotalCorrelation(weight=2.0).resolve(DataSpec()).weight == 2.0
    assert TotalCorrelation.over_batch


@pytest.mark.parametrize("code", [Plain(size=3), Ladder(size=2, top=2, width=4)])
def test_a_code_without_a_normal_posterior_is_refused(code):
    with pytest.raises(BlueprintError, match="needs a code with a normal posterior"):
        build(TotalCorrelation(), code)
