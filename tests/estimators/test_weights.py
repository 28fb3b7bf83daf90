"""Weights of samples."""

import numpy as np
import pytest

from estimators.common import ALL, SMALL, messy, numbers, same, use
from isthmus.data import read_samples
from isthmus.sklearn import AutoencoderDetector, AutoencoderTransformer
from isthmus.sklearn.weights import keys, repetitions


@pytest.mark.parametrize("kind", ALL)
def test_a_whole_weight_is_a_repetition_exactly(kind):
    frame, weights = messy(), np.arange(60) % 3
    weighted = kind(**SMALL).fit(frame, sample_weight=weights)
    repeated = kind(**SMALL).fit(frame.iloc[np.repeat(np.arange(60), weights)])
    assert same(use(weighted, frame), use(repeated, frame))


def test_the_order_of_the_rows_makes_no_difference():
    X = numbers()
    order = np.random.default_rng(0).permutation(len(X))
    one, other = (AutoencoderTransformer(**SMALL).fit(given) for given in (X, X[order]))
    assert same(one.transform(X), other.transform(X))


def test_fractions_are_respected_on_average():
    weights = np.random.default_rng(0).random(5000)
    counts = np.mean([repetitions(weights, seed) for seed in range(50)], axis=0)
    assert np.abs(counts / counts.sum() - weights / weights.sum()).max() < 2e-4 * 0.5
    assert repetitions(np.array([0.5, 0.0, 2.5]), 0)[1] == 0
    assert repetitions(np.array([1e9, 1e9]), 0).tolist() == [4, 4]


def test_equal_samples_have_equal_keys_and_others_do_not():
    values = np.random.default_rng(0).integers(0, 5, (2000, 4)).astype(np.float32)
    values[3, 1] = np.nan
    found = keys(read_samples(values, missing="keep"))
    different = np.unique(values, axis=0, equal_nan=True)
    assert len(np.unique(found)) == len(different)


def test_a_weight_of_zero_is_no_sample():
    X = numbers()
    X[:20] += 50
    model = AutoencoderDetector(**SMALL, contamination=0.1).fit(X, sample_weight=np.repeat([0.0, 1.0], [20, 40]))
    assert (model.predict(X[:20]) == -1).all()


@pytest.mark.parametrize(
    ("weights", "words"), [([-1.0] * 60, "[Nn]egative"), ([0.0] * 60, "zero"), ([1.0] * 3, "shape")]
)
def test_weights_that_are_wrong_are_refused(weights, words):
    with pytest.raises(ValueError, match=words):
        AutoencoderTransformer(**SMALL).fit(numbers(), sample_weight=weights)
