"""The mixture of logistics and point masses, held against a second implementation; what it settles from the data."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special, stats

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import DataSpec, LogisticMixture
from isthmus.parts.bounds import floored
from isthmus.parts.distances.mixture import frequent

LEVELS, MASSES = 16, (0, 7, 15)


def mixture(**fields) -> LogisticMixture:
    return LogisticMixture(**{"levels": LEVELS, "components": 2, "masses": MASSES} | fields)


def outputs(count: int, size: int = 4, seed: int = 0) -> torch.Tensor:
    """(count, 9 * size) float64."""
    return torch.randn(count, 9 * size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_is_the_weighted_sum_of_logistics_shares_of_a_bin_and_of_point_masses():
    output = outputs(6)
    level = torch.randint(0, LEVELS, (6, 4), generator=torch.Generator().manual_seed(1))
    rows = output.view(6, 9, 4).numpy()
    weights = special.softmax(rows[:, :5], axis=1)
    place, scale = rows[:, 5:7], np.exp(floored(torch.from_numpy(rows[:, 7:]), -np.log(8 * 15)).numpy())
    edges = np.array([-np.inf, *((np.arange(15) + 0.5) / 15), np.inf])
    bins = level.numpy()[:, None]
    shares = stats.logistic.cdf(edges[bins + 1], place, scale) - stats.logistic.cdf(edges[bins], place, scale)
    masses = np.stack([level.numpy() == mass for mass in MASSES], 1)
    expected = -np.log((weights * np.concatenate([shares, masses], 1)).sum(1))
    assert np.allclose(mixture().elements(output, level.double() / 15).numpy(), expected, rtol=1e-8)


def test_the_picture_is_the_mean_within_half_a_level():
    every = torch.linspace(0, 1, LEVELS, dtype=torch.float64)[:, None]
    for far in (0.3, 1.0, 5.0):
        for row in far * outputs(20, 1):
            probability = (-mixture()(row.expand(LEVELS, -1), every)).exp()
            mean = float((probability * every[:, 0]).sum())
            assert float(mixture().picture(row[None])) == pytest.approx(mean, abs=0.5 / 15)


def test_it_starts_with_the_masses_shares_and_near_the_entropy_of_each_number():
    place = np.random.default_rng(0)
    levels = np.where(place.random((4000, 2)) < [0.7, 0.0], 0, place.normal(9, 2, (4000, 2)).round().clip(1, 14))
    sample = torch.from_numpy(levels / 15)
    distance = mixture(masses=(0, 15))
    start = distance.start(sample).double()
    weights = start.view(8, 2)[:4].softmax(0)
    assert weights[2].tolist() == pytest.approx([0.7, 0.0], abs=0.02)
    entropies = [stats.entropy(np.bincount(column.astype(int))) for column in levels.T]
    found = distance.elements(start.expand(4000, -1), sample).mean(0)
    assert found.tolist() == pytest.approx(entropies, abs=0.1)


@given(arrays(np.float32, (3, 18), elements=st.floats(-100, 100, width=32)), st.integers(0, LEVELS - 1))
@settings(deadline=None, max_examples=50)
def test_in_single_precision_nats_are_positive_and_cumulative_probabilities_never_fall(output, level):
    output = torch.from_numpy(output)
    nats = mixture().elements(output, torch.full((3, 2), level / 15))
    assert bool((nats.isfinite() & (nats > -1e-4)).all())
    parameters = mixture().parameters(output)
    below = torch.stack([mixture().cumulative(parameters, torch.full((3, 2), edge / 15)) for edge in range(LEVELS)])
    assert bool((below.diff(dim=0) >= -1e-6).all())
    assert bool(((below >= 0) & (below <= 1 + 1e-6)).all())


def test_levels_that_are_much_more_frequent_than_their_neighbours_get_a_point_mass():
    place = np.random.default_rng(0)
    pixels = place.integers(0, 256, (500, 1, 8, 8))
    pixels[place.random(pixels.shape) < 0.2] = 0
    pixels[place.random(pixels.shape) < 0.1] = 200
    data = ist.open_data(pixels.astype(np.uint8))
    distance = ist.recipe("vae", code=2, distance="logistic-mixture").build(data).distance
    assert isinstance(distance, LogisticMixture)
    assert distance.masses == (0, 200)


def test_at_most_sixteen_levels_are_frequent_and_two_levels_are_not_compared():
    place = np.random.default_rng(0)
    values = np.concatenate([np.arange(0, 240, 8).repeat(500), place.integers(0, 256, 20_000)])
    assert len(frequent(torch.from_numpy(values / 255))) == 16
    assert frequent(torch.tensor([0.0, 1.0]).repeat(500)) == ()
    assert frequent(torch.full((5, 2), torch.nan)) == ()


def test_frequent_values_between_the_levels_have_no_point_mass():
    spec = DataSpec(range=(0.0, 1.0), frequent=(0.0, 0.5, 1.0))
    assert mixture(masses="auto").resolve(spec).masses == (0, 15)
    assert mixture(masses=(3,)).resolve(spec).masses == (3,)


def test_point_masses_are_put_in_order():
    assert mixture(masses=(15, 0, 7, 7)).masses == MASSES


def test_the_likely_value_is_that_of_the_largest_weight():
    output = torch.zeros(1, 9, 2)
    output[0, 2, 0], output[0, 1, 1], output[0, 6, 1] = 3.0, 3.0, 0.25
    distance = mixture(masses=(5, 7, 15))
    likely = distance.likely(distance.parameters(output.flatten(1)))
    assert likely[0].tolist() == pytest.approx([5 / 15, 0.25])


def test_a_point_mass_above_the_last_level_is_refused():
    with pytest.raises(BlueprintError, match="point masses"):
        mixture(masses=(0, 16)).resolve(DataSpec(range=(0.0, 1.0)))
