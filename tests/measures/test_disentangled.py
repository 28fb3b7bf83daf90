"""Measures of disentanglement: codes with known answers, the definitions, and arrays that can't be measured."""

import functools
import math
from typing import Any

import numpy as np
import pytest
import torch

from isthmus.errors import DataError, UseError
from isthmus.measures import beta_vae_score, dci, disentanglement, factor_vae_score, mig, modularity, sap
from isthmus.measures.disentangled.information import gap
from isthmus.measures.disentangled.pairs import Pairs

SIZES = (3, 4, 5)
COUNT = 900
VOTES: dict[str, Any] = {"votes": 300, "together": 16}
MEASURES = {
    "mig": mig,
    "modularity": modularity,
    "sap": sap,
    "disentanglement": lambda codes, factors: dci(codes, factors).disentanglement,
    "completeness": lambda codes, factors: dci(codes, factors).completeness,
    "informativeness": lambda codes, factors: dci(codes, factors).informativeness,
    "factor_vae_score": functools.partial(factor_vae_score, **VOTES),
    "beta_vae_score": functools.partial(beta_vae_score, **VOTES),
}
COMPARING = [name for name in MEASURES if name not in ("mig", "sap")]
FULL = [name for name in MEASURES if name != "sap"]


def factors(seed=0):
    """(N, 3) classes, independent of each other and equally common."""
    place = np.random.default_rng(seed)
    return np.stack([place.permutation(np.arange(COUNT) % size) for size in SIZES], 1)


def standardised(of):
    return (of - of.mean(0)) / of.std(0)


def permuted():
    """Codes that are the factors, in another order and with other signs and scales."""
    return standardised(factors())[:, [2, 0, 1]] * [3.0, -1.0, 0.5]


def rotated():
    """The same where two latent dimensions are mixed."""
    codes = standardised(factors())
    codes[:, :2] = codes[:, :2] @ np.array([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2)
    return codes


def noise(width=4):
    return np.random.default_rng(1).normal(size=(COUNT, width))


@pytest.mark.parametrize("name", FULL)
def test_factors_in_another_order_score_one(name):
    assert MEASURES[name](permuted(), factors()) == pytest.approx(1, abs=0.02)


def test_sap_is_the_share_that_the_best_dimension_predicts_above_chance():
    # a linear machine separates three classes in a row only in part; of ordered factors the correlation is exact
    assert sap(permuted(), factors(), ordered=True) == pytest.approx(1, abs=0.02)
    two = factors()[:, :1] > 0
    assert sap(two * 1.0, two) == 1  # a lone dimension has no second


@pytest.mark.parametrize("name", ["mig", "sap", "disentanglement", "completeness"])
def test_independent_codes_score_about_nothing(name):
    assert MEASURES[name](noise(), factors()) < 0.06


@pytest.mark.parametrize("name", ["informativeness", "factor_vae_score", "beta_vae_score"])
def test_independent_codes_score_as_chance(name):
    chance = np.mean([1 / size for size in SIZES]) if name == "informativeness" else 1 / len(SIZES)
    assert MEASURES[name](noise(), factors()) == pytest.approx(chance, abs=0.12)


@pytest.mark.parametrize("name", ["mig", "sap", "disentanglement", "completeness", "factor_vae_score"])
def test_a_rotated_pair_lowers_the_score(name):
    measure = functools.partial(sap, ordered=True) if name == "sap" else MEASURES[name]
    assert measure(rotated(), factors()) < measure(permuted(), factors()) - 0.1


@pytest.mark.parametrize("name", MEASURES)
def test_a_constant_dimension_changes_no_score_but_the_mean_over_dimensions(name):
    codes = permuted()
    with_constant = MEASURES[name](np.concatenate([codes, np.ones((COUNT, 1))], 1), factors())
    wanted = MEASURES[name](codes, factors()) * (3 / 4 if name == "modularity" else 1)
    second = 0.1 if name == "sap" else 0.01  # without any information a machine still guesses one class
    assert with_constant == pytest.approx(wanted, abs=second)


def test_a_factor_in_two_dimensions_is_modular_and_disentangled_but_not_complete():
    codes = np.concatenate([permuted(), permuted()], 1)
    found = dci(codes, factors())
    assert modularity(codes, factors()) == pytest.approx(1, abs=0.02)
    assert found.disentanglement == pytest.approx(1, abs=0.02)
    assert found.completeness < 0.9
    assert mig(codes, factors()) == pytest.approx(0, abs=1e-9)


def test_codes_that_are_all_constant_score_nothing():
    codes = np.zeros((COUNT, 2))
    assert mig(codes, factors()) == modularity(codes, factors()) == dci(codes, factors()).disentanglement == 0
    assert factor_vae_score(codes, factors(), **VOTES) == pytest.approx(1 / 3)


def test_mig_is_the_gap_of_the_mutual_information_of_counts():
    from sklearn.metrics import mutual_info_score

    codes, of = rotated() + 0.1 * noise(3), factors()
    places = [np.digitize(column, np.histogram(column, 7)[1][:-1]) for column in codes.T]
    shared = np.array([[mutual_info_score(one, factor) for factor in of.T] for one in places])
    best = np.sort(shared, 0)
    entropies = [mutual_info_score(factor, factor) for factor in of.T]
    assert mig(codes, of, bins=7) == pytest.approx(np.mean((best[-1] - best[-2]) / entropies), rel=1e-9)


def test_dci_follows_its_formulas():
    from scipy.stats import entropy

    found = dci(rotated(), factors())
    importance = found.importance
    rows, columns = importance.sum(1), importance.sum(0)
    assert columns == pytest.approx(1)
    each = 1 - entropy(importance.T + 1e-12, base=3)
    assert found.disentanglement == pytest.approx((each * rows).sum() / rows.sum(), abs=1e-6)
    assert found.completeness == pytest.approx(np.mean(1 - entropy(importance + 1e-12, base=3)), abs=1e-6)


def test_boosting_agrees_with_the_forest():
    forest, boosting = dci(rotated(), factors()[:, :2]), dci(rotated(), factors()[:, :2], predictor="boosting")
    assert boosting.disentanglement == pytest.approx(forest.disentanglement, abs=0.05)


def test_values_of_any_type_are_classes_and_codes_may_be_tensors():
    words = np.array(["small", "middle", "large", "huge", "giant"])[factors()]
    codes = torch.from_numpy(permuted()).float().view(COUNT, 3, 1)
    assert mig(codes, words) == pytest.approx(mig(permuted(), factors()))
    assert mig(codes, torch.from_numpy(factors())) == pytest.approx(mig(permuted(), factors()))


def test_all_measures_come_together_with_intervals_around_them():
    found = disentanglement(permuted() + 0.3 * noise(3), factors(), names=("a", "b", "c"), resamples=3, **VOTES)
    assert set(found.scores) == set(MEASURES)
    assert all(0 <= low <= value <= high <= 1 for value, low, high in found.scores.values())
    assert any(high > low for _, low, high in found.scores.values())
    assert found.to_json()["factors"] == ["a", "b", "c"]
    assert "β-VAE score" in str(found)
    assert "a" in str(found)


def test_the_same_seed_repeats_the_table():
    once, again = (
        disentanglement(rotated()[:200], factors()[:200, :2], resamples=2, votes=50).to_json() for _ in range(2)
    )
    assert once == again


def test_the_interval_of_the_mig_holds_the_value_of_many_samples():
    """Of 20 draws from codes whose MIG is known from a large sample, at most 4 intervals of 95 % miss it."""
    place = np.random.default_rng(3)

    def drawn(count):
        of = place.integers(0, 4, (count, 2))
        return of + place.uniform(-1.2, 1.2, (count, 2)), of  # bounded: the intervals cover the codes' range

    truth, missed = mig(*drawn(100_000), bins=5), 0
    for seed in range(20):
        codes, of = drawn(1000)
        pairs = Pairs.of(codes, of, seed=seed)
        generator = np.random.default_rng(seed)
        again = [gap(pairs.resampled(generator), 5) for _ in range(20)]
        missed += abs(gap(pairs, 5) - truth) > 1.96 * np.std(again, ddof=1)
    assert missed <= 4


def test_a_single_factor_has_the_measures_that_compare_no_factors():
    one = factors()[:, 0]
    assert set(disentanglement(permuted(), one, resamples=0).scores) == {"mig", "sap"}
    for name in COMPARING:
        with pytest.raises(DataError, match="compares factors, but got 1"):
            MEASURES[name](permuted(), one)


@pytest.mark.parametrize(
    ("codes", "of", "words"),
    [
        (noise()[:, 0], factors(), r"expected numbers of shape \(N, D\)"),
        (noise()[:-1], factors(), "899 codes and 900 rows of factors"),
        (noise(), factors()[:, :, None], "expected \\(N, K\\)"),
        (np.where(np.arange(4) == 1, np.nan, noise()), factors(), "900 numbers of the codes are NaN"),
        (noise(), np.where(np.arange(3) == 1, np.nan, factors()), "Factor 1 has 900 missing"),
        (noise(), noise(2), "Factor 0 has 900 different values in 900 samples: expected classes"),
        (noise(), np.concatenate([factors(), np.ones((COUNT, 1))], 1), "Factor 3 has the same value"),
        (noise()[:5], factors()[:5], "There are 5 codes"),
        (np.array([["a"]] * COUNT), factors(), "expected numbers"),
    ],
)
def test_arrays_that_cannot_be_measured_are_named(codes, of, words):
    with pytest.raises(DataError, match=words):
        mig(codes, of)


def test_wrong_options_are_named():
    with pytest.raises(UseError, match="bins=1"):
        mig(noise(), factors(), bins=1)
    with pytest.raises(UseError, match="predictor='lasso'"):
        dci(noise(), factors(), predictor="lasso")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UseError, match="votes=0"):
        factor_vae_score(noise(), factors(), votes=0)
    with pytest.raises(UseError, match="seed=-1"):
        sap(noise(), factors(), seed=-1)
    with pytest.raises(UseError, match="resamples=1"):
        disentanglement(noise(), factors(), resamples=1)
    with pytest.raises(DataError, match="2 names for 3 factors"):
        disentanglement(noise(), factors(), names=("a", "b"))
