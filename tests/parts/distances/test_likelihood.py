"""Likelihoods against torch.distributions and SciPy in float64; those of whole values sum to 1."""

import numpy as np
import pytest
import torch
from scipy import special, stats

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import (
    Bce,
    Categorical,
    DataSpec,
    DiscretisedLogistic,
    Gaussian,
    LogisticMixture,
    Mse,
    NegativeBinomial,
    Poisson,
)
from isthmus.parts.bounds import floored, slowed, unfloored

UNIT = DataSpec(range=(0.0, 1.0))
WITH_SEVERAL = [
    Gaussian(scale="learnt", link="identity"),
    Gaussian(scale="learnt", link="sigmoid"),
    DiscretisedLogistic(),
    DiscretisedLogistic(levels=4),
    Categorical(levels=5),
    LogisticMixture(masses=(0, 128, 255)),
    LogisticMixture(levels=5, components=1, masses=()),
    NegativeBinomial(),
]
ALL = [*WITH_SEVERAL, Poisson()]


def drawn(distance, *shape, seed=0):
    """(N, *outputs) float64 to a target of (N, *shape)."""
    count, *rest = shape
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *distance.outputs(tuple(rest)), generator=generator, dtype=torch.float64)


def fitting(distance, *shape, seed=0):
    """A target that suits the distance."""
    place = np.random.default_rng(seed)
    if hasattr(distance, "levels"):
        return torch.from_numpy(place.integers(0, distance.levels, shape) / (distance.levels - 1))
    if distance.link == "log":
        return torch.from_numpy(place.poisson(3, shape).astype(float))
    return torch.from_numpy(place.uniform(size=shape))


def test_a_learnt_gaussian_is_the_log_density_of_torch_distributions():
    distance = Gaussian(scale="learnt", link="identity")
    output, target = drawn(distance, 5, 2, 3), fitting(distance, 5, 2, 3)
    scale = floored(output[:, 2:], float(np.log(0.01))).exp()
    expected = -torch.distributions.Normal(output[:, :2], scale).log_prob(target)
    assert torch.allclose(distance.elements(output, target), expected, rtol=1e-12)


def test_a_learnt_scale_stays_above_the_least():
    distance = Gaussian(scale="learnt", link="identity", least_scale=0.1)
    output = torch.tensor([[0.5, -1e4]], dtype=torch.float64)
    assert float(distance(output, torch.tensor([[0.5]]))) == pytest.approx(stats.norm.logpdf(0, 0, 0.1) * -1)


def test_a_discretised_logistic_is_a_logistics_share_of_each_bin():
    distance = DiscretisedLogistic(levels=16)
    output, target = drawn(distance, 6, 4), fitting(distance, 6, 4)
    place, scale = output[:, :4].numpy(), np.exp(floored(output[:, 4:], -np.log(8 * 15)).numpy())
    edges = [-np.inf, *((np.arange(15) + 0.5) / 15), np.inf]
    bins = np.round(target.numpy() * 15).astype(int)
    upper, lower = np.take(edges, bins + 1), np.take(edges, bins)
    expected = np.log(stats.logistic.cdf(upper, place, scale) - stats.logistic.cdf(lower, place, scale))
    assert np.allclose(distance.elements(output, target).numpy(), -expected, rtol=1e-9)


def test_a_categorical_is_the_softmax_of_its_levels():
    distance = Categorical(levels=5)
    output, target = drawn(distance, 3, 2, 4), fitting(distance, 3, 2, 4)
    found = distance.elements(output, target)
    logits = output.view(3, 5, 2, 4).numpy()
    for sample, channel, place in np.ndindex(3, 2, 4):
        level = round(float(target[sample, channel, place]) * 4)
        expected = -special.log_softmax(logits[sample, :, channel, place])[level]
        assert float(found[sample, channel, place]) == pytest.approx(expected)


def test_counts_have_the_probabilities_of_scipy():
    target = fitting(Poisson(), 4, 6)
    output = drawn(Poisson(), 4, 6)
    assert np.allclose(Poisson().elements(output, target), -stats.poisson.logpmf(target, output.exp()))
    output = drawn(NegativeBinomial(), 4, 6)
    mean, r = output[:, :6].exp().numpy(), (7 * torch.tanh(output[:, 6:] / 7)).exp().numpy()
    expected = -stats.nbinom.logpmf(target.numpy(), r, r / (r + mean))
    assert np.allclose(NegativeBinomial().elements(output, target), expected)


@pytest.mark.parametrize(
    "distance",
    [
        DiscretisedLogistic(),
        DiscretisedLogistic(levels=3),
        Categorical(levels=7),
        LogisticMixture(masses=(0, 7, 255)),
        LogisticMixture(levels=3, components=2, masses=(1,)),
    ],
    ids=str,
)
@pytest.mark.parametrize("far", [1.0, 30.0])
def test_the_levels_probabilities_sum_to_one(distance, far):
    output = far * drawn(distance, 10, 1)
    every = torch.linspace(0, 1, distance.levels, dtype=torch.float64)[:, None]
    for row in output:
        nats = distance(row.expand(distance.levels, -1), every)
        assert float((-nats).exp().sum()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "distance",
    [
        DiscretisedLogistic(),
        DiscretisedLogistic(levels=3),
        Categorical(levels=7),
        LogisticMixture(masses=(0, 7, 255)),
        LogisticMixture(levels=3, components=2, masses=(1,)),
        Bce(),
    ],
    ids=str,
)
@pytest.mark.parametrize("far", [1.0, 30.0])
def test_the_cumulative_probability_grows_by_the_probability_of_each_level(distance, far):
    count = getattr(distance, "levels", 2)
    every = torch.linspace(0, 1, count, dtype=torch.float64)[:, None]
    edges = (torch.arange(count + 1)[:, None] - 0.5).double() / (count - 1)
    for row in far * drawn(distance, 10, 1):
        below = distance.cumulative(distance.parameters(row.expand(count + 1, -1)), edges)
        below[0], below[-1] = 0, 1  # the first level reaches down to -∞ and the last one up to ∞
        probability = (-distance.elements(row.expand(count, -1), every)).exp()
        assert torch.allclose(below.diff(dim=0), probability, atol=1e-8, rtol=0)


@pytest.mark.parametrize("distance", [Gaussian(scale=0.3), Gaussian(scale="learnt")], ids=str)
def test_a_gaussians_cumulative_probability_is_scipys_at_the_middle_between_two_steps(distance):
    distance = distance.resolve(DataSpec())
    output, level = drawn(distance, 5, 3), torch.arange(15).view(5, 3) - 7
    scale = 0.3 if distance.scale == 0.3 else floored(output[:, 3:], np.log(0.01)).exp().numpy()
    expected = stats.norm.cdf((level.numpy() - 0.5) * 0.25, output[:, :3].numpy(), scale)
    assert np.allclose(distance.cumulative(distance.parameters(output), (level - 0.5) * 0.25).numpy(), expected)


def test_a_distance_without_levels_says_so():
    for distance in (Mse(), Poisson()):
        with pytest.raises(BlueprintError, match="no probabilities of exact values"):
            distance.parameters(torch.zeros(1, 2))


@pytest.mark.parametrize("distance", [Poisson(), NegativeBinomial()], ids=str)
def test_the_counts_probabilities_sum_to_one_around_the_picture(distance):
    counts = torch.arange(4000, dtype=torch.float64)[:, None]
    for row in drawn(distance, 10, 1):
        probability = (-distance(row.expand(4000, -1), counts)).exp()
        assert float(probability.sum()) == pytest.approx(1, abs=1e-6)
        assert float((probability * counts[:, 0]).sum()) == pytest.approx(float(distance.picture(row[None])), rel=1e-3)


def test_the_picture_of_levels_is_their_mean():
    every = torch.linspace(0, 1, 5, dtype=torch.float64)[:, None]
    for row in drawn(Categorical(levels=5), 6, 1):
        probability = (-Categorical(levels=5)(row.expand(5, -1), every)).exp()
        picture = float(Categorical(levels=5).picture(row[None]))
        assert picture == pytest.approx(float((probability * every[:, 0]).sum()))


@pytest.mark.parametrize("distance", ALL, ids=str)
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)], ids=str)
def test_an_output_whose_picture_is_given_can_be_found(distance, shape):
    picture = torch.linspace(0.05, 0.95, 7 * int(np.prod(shape))).view(7, *shape)
    output = distance.output(picture)
    assert output.shape == (7, *distance.outputs(shape))
    assert torch.allclose(distance.picture(output), picture, atol=1e-5)


@pytest.mark.parametrize("distance", ALL, ids=str)
def test_gradients_equal_finite_differences(distance):
    output, target = drawn(distance, 2, 3), fitting(distance, 2, 3)
    assert torch.autograd.gradcheck(lambda o: distance(o, target), output.requires_grad_(), atol=1e-6)


@pytest.mark.parametrize("distance", ALL, ids=str)
@pytest.mark.parametrize("size", [-1e3, -60.0, 60.0, 1e3])
def test_no_output_overflows_in_single_precision(distance, size):
    target = fitting(distance, 3, 4).float()
    output = torch.full((3, *distance.outputs((4,))), size, requires_grad=True)
    if isinstance(distance, Gaussian):
        output = torch.cat([torch.zeros(3, 4), torch.full((3, 4), size)], 1).requires_grad_()
    nats = distance(output, target)
    assert bool(nats.isfinite().all())
    assert bool(torch.autograd.grad(nats.sum(), output)[0].isfinite().all())


@pytest.mark.parametrize("distance", WITH_SEVERAL, ids=str)
def test_shapes_that_would_broadcast_are_refused(distance):
    with pytest.raises(ValueError, match="needed"):
        distance(torch.zeros(2, 3), torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("distance", "spread"),
    [
        (Gaussian(scale="learnt", link="identity"), lambda output: floored(output, np.log(0.01)).exp()),
        (DiscretisedLogistic(), lambda output: floored(output, DiscretisedLogistic()._least).exp() * np.pi / 3**0.5),
        (NegativeBinomial(), None),
    ],
    ids=["gaussian", "logistic", "negative-binomial"],
)
def test_a_network_begins_at_the_samples_mean_and_spread(distance, spread):
    place = np.random.default_rng(0)
    sample = torch.from_numpy(
        place.normal([0.3, 0.5, 0.7], [0.05, 0.1, 0.2], (4000, 3))
        if spread
        else place.negative_binomial([1, 4, 16], 0.1, (4000, 3)).astype(float)
    )
    sample[:100, 1] = torch.nan
    output = distance.start(sample)
    mean, spreads = sample.nanmean(0), output.chunk(2, 1)[1][0]
    assert torch.allclose(distance.picture(output)[0].double(), mean.double(), rtol=1e-4)
    if spread:
        assert spread(spreads).double().tolist() == pytest.approx([0.05, 0.1, 0.2], rel=0.05)
    else:
        assert spreads.exp().tolist() == pytest.approx([1, 4, 16], rel=0.15)


@pytest.mark.parametrize("distance", ALL, ids=str)
def test_a_start_has_a_finite_loss_where_numbers_never_vary_or_are_all_missing(distance):
    sample = fitting(distance, 20, 4).float()
    sample[:, 0], sample[:, 1] = sample[0, 0], torch.nan
    output = distance.start(sample)
    assert output.shape == (1, *distance.outputs((4,)))
    assert bool(distance(output.expand(20, -1), sample.nan_to_num(0.0)).isfinite().all())


def test_the_encoder_gets_counts_by_their_logarithm_but_as_they_are_in_models_of_an_older_version():
    x = torch.tensor([[0.0, 9.0, -1.0]])
    blueprint = {"network": {"kind": "dense"}, "distance": {"kind": "poisson"}}
    fresh, old = Poisson().resolve(DataSpec()), Blueprint.from_json(blueprint).distance
    assert torch.equal(fresh.as_input(x), torch.tensor([[1.0, 10.0, 1.0]]).log())
    assert torch.equal(old.as_input(x), x)
    assert Blueprint.from_json({"network": {"kind": "dense"}, "distance": fresh.to_json()}).distance == fresh
    assert Poisson(seen="counts").resolve(DataSpec()).seen == "counts"


def test_bounds_are_smooth_and_leave_the_middle_alone():
    x = torch.linspace(-9, 9, 37, dtype=torch.float64)
    assert torch.allclose(floored(x, -20.0), x, atol=1e-4)
    assert bool((floored(x * 100, -2.0) >= -2).all())
    assert float(floored(unfloored(torch.tensor(0.5), -2.0), -2.0)) == pytest.approx(0.5)
    assert torch.equal(slowed(x, 9.0), x)
    assert float(slowed(torch.tensor(1e6), 9.0)) == pytest.approx(9 + np.log(1e6), rel=1e-3)


@pytest.mark.parametrize(
    ("distance", "values", "words"),
    [
        (Poisson(), [-1.0, 2.0], "the data contain -1. Don't scale counts"),
        (NegativeBinomial(), [0.5, 2.0], "the data contain 0.5. Don't scale counts"),
        (DiscretisedLogistic(), [0.3, 0.0], "256 evenly spaced values in 0..1, but the data contain 0.3"),
        (Categorical(levels=4), [0.5, 1.0], "4 evenly spaced values in 0..1, but the data contain 0.5"),
    ],
    ids=str,
)
def test_data_that_do_not_fit_are_refused_when_the_blueprint_meets_them(distance, values, words):
    table = np.array([values] * 20, dtype=np.float32)
    data = ist.open_data(table, scaling="none")
    with pytest.raises(BlueprintError) as caught:
        ist.recipe("vae", code=2, distance=distance).build(data, remarks=False)
    assert words in str(caught.value)


@pytest.mark.parametrize("distance", [DiscretisedLogistic(), Categorical(), LogisticMixture()], ids=str)
def test_levels_are_refused_for_data_without_bounds(distance):
    with pytest.raises(BlueprintError, match="unbounded"):
        distance.resolve(DataSpec(range=None))


def test_a_missing_number_fits_every_likelihood():
    for distance in (Poisson(), DiscretisedLogistic(), Categorical(levels=3)):
        distance.check(torch.tensor([[1.0, float("nan")], [0.0, 1.0]]))


@pytest.mark.parametrize(
    ("distance", "network"),
    [
        (Gaussian(scale="learnt"), "dense"),
        (DiscretisedLogistic(), "conv"),
        (Categorical(), "dense"),
        (LogisticMixture(), "conv"),
        (Poisson(), "dense"),
        (NegativeBinomial(), "dense"),
    ],
    ids=str,
)
def test_a_vae_learns_by_every_likelihood(distance, network):
    counts = np.random.default_rng(0).poisson(np.linspace(1, 40, 36), (200, 36)).reshape(-1, 1, 6, 6)
    if distance.link == "log":
        data = ist.open_data(counts.reshape(-1, 36).astype(np.float32), scaling="none")
    else:
        data = ist.open_data(counts.astype(np.uint8))
    blueprint = ist.recipe("vae", network={"kind": network}, code=2, distance=distance)
    run = ist.fit(blueprint.build(data), data, epochs=6, batch_size=32, compile=False, progress=False)
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    assert run.reconstruct(data.test).shape == (20, *data.shape)
