"""Distances from the nearest training windows, against a plain loop; and of a training window from the others."""

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import UseError
from isthmus.uses import nearest
from isthmus.uses.nearest import NearestWindows


@pytest.fixture(scope="module")
def run():
    values = np.sin(np.arange(600)[:, None] / 5 + [0, 1]) + np.random.default_rng(0).normal(0, 0.1, (600, 2))
    data = ist.open_data(values, kind="series", window=20, step=7)
    return ist.fit(ist.recipe("pca", code=2).build(data, remarks=False), data, progress=False)


def test_distances_are_those_from_the_nearest_window_of_each_set(run, monkeypatch):
    monkeypatch.setattr(nearest, "MEMBERS", 3)
    monkeypatch.setattr(nearest, "SIZE", 5)
    near = NearestWindows(run.model, run.data.train, run.data.train)
    raw = run.data.test.tensor()
    given = run.model.scaling(raw).double().flatten(1)
    squares = (given[:, None, None] - near.values).square()
    found = near(raw)
    assert found.distances.numpy() == pytest.approx(squares.mean(3).amin(2).numpy())
    closest = squares.mean(3).argmin(2)[..., None, None].expand(-1, -1, 1, squares.shape[3])
    assert found.elements.flatten(1).numpy() == pytest.approx(squares.gather(2, closest)[:, :, 0].mean(1).numpy())


def test_a_training_window_is_compared_with_others_than_itself(run):
    train = run.data.train
    near = NearestWindows(run.model, train, train)
    distances = near(train.tensor()).distances
    assert float(distances.min()) > 0
    assert float(distances.median()) == pytest.approx(float(near(run.data.test.tensor()).distances.median()), rel=0.5)


def test_missing_numbers_leave_the_distance_to_the_others(run):
    near = NearestWindows(run.model, run.data.train, run.data.train)
    raw = run.data.test.tensor().clone()
    whole = near(raw).distances
    raw[:, 1, 3:6] = torch.nan
    found = near(raw)
    assert bool(found.elements[:, 1, 3:6].isnan().all())
    assert int(found.elements.isnan().sum()) == 3 * len(raw)
    assert found.distances.numpy() == pytest.approx(whole.numpy(), rel=0.7)


def test_constant_recordings_have_finite_scores():
    data = ist.open_data(np.ones((300, 1)), kind="series", window=20, step=7)
    run = ist.fit(ist.recipe("pca", code=1).build(data, remarks=False), data, progress=False)
    given = np.ones(100)
    given[50:] = 1.5
    found = ist.detect(run, given)
    assert found.steps is not None
    assert bool(np.isfinite(found.steps.scores).all())
    assert np.flatnonzero(found.steps.anomalous).min() in range(40, 51)


def test_pictures_have_no_combined_score():
    data = ist.open_data(np.random.default_rng(0).random((40, 4, 4)), kind="pictures")
    run = ist.fit(ist.recipe("pca", code=1).build(data, remarks=False), data, progress=False)
    with pytest.raises(UseError, match="needs a table or series"):
        ist.detector(run, "combined")
