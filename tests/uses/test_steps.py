"""Scores of the time steps of recordings."""

import numpy as np
import pandas as pd
import pytest
import torch

import isthmus as ist
from isthmus.data.samples import Samples
from isthmus.uses.steps import _joined

ROWS = 1500


def recording(rows=ROWS, seed=0):
    noise = np.random.default_rng(seed).normal(size=(rows, 2))
    turn = 2 * np.pi * np.arange(rows) / 32
    values = np.stack([20 + 2 * np.sin(turn), 1013 + 5 * np.cos(turn)], 1) + 0.05 * noise
    when = pd.date_range("2024-03-01", periods=rows, freq="min")
    return pd.DataFrame({"when": when, "warm": values[:, 0], "pressure": values[:, 1]})


@pytest.fixture(scope="module")
def run():
    data = ist.open_data(recording(), kind="series", window=32, step=8)
    return ist.fit(ist.recipe("pca", code=2).build(data, remarks=False), data, progress=False)


@pytest.fixture(scope="module")
def odd():
    given = recording(400, seed=1)
    given.loc[200:205, "pressure"] += 25
    return given


@pytest.mark.parametrize("by", ["auto", "error"])
def test_the_anomalous_steps_and_their_channel_are_found(run, odd, by):
    found = ist.detect(run, odd, by)
    steps = found.steps
    assert steps is not None
    assert sorted(np.argsort(steps.scores)[-6:].tolist()) == [*range(200, 206)]
    assert steps.anomalous[200:206].all()
    assert steps.errors[203, 1] > 10 * steps.errors[203, 0]
    (span,) = steps.spans(1)
    assert span.first <= "2024-03-01 03:20" <= span.worst <= "2024-03-01 03:25" <= span.last
    assert (span.recording, span.score) == ("recording", steps.scores.max())
    name, value, expected, share = found.most_anomalous[0].columns[0]
    assert name.startswith("pressure at 2024-03-01 03:2")
    assert isinstance(value, float)
    assert isinstance(expected, float)
    assert value > expected + 5
    assert share > 0.5
    assert found.to_json()["steps"]["anomalous"] == steps.anomalous.sum()


def test_usual_recordings_have_few_anomalous_steps(run):
    steps = ist.detect(run, recording(600, seed=2)).steps
    assert steps is not None
    assert steps.anomalous.mean() < 0.05


def test_scores_of_whole_windows_are_spread_over_their_steps(run, odd):
    found = ist.detect(run, odd, by="distance")
    steps = found.steps
    assert steps is not None
    assert np.array_equal(steps.scores, steps.windows)
    assert steps.threshold == found.threshold
    assert np.allclose(steps.scores[[0, 8, 399]], [found.scores[0], found.scores[:2].mean(), found.scores[-1]])


def test_the_table_of_scores_has_the_time_stamps_and_channels(run, odd):
    steps = ist.detect(run, odd, by="error").steps
    assert steps is not None
    table = steps.table()
    assert table.column_names == ["when", "score", "window_score", "anomalous", "error_warm", "error_pressure"]
    assert table["when"].to_pylist() == odd["when"].dt.to_pydatetime().tolist()
    assert np.allclose(
        table["score"].to_numpy(), (table["error_warm"].to_numpy() + table["error_pressure"].to_numpy()) / 2
    )


def test_steps_of_a_gap_have_no_score(run, odd):
    short = odd.drop(index=[*range(100, 150), *range(160, 200)])
    with pytest.warns(ist.errors.Remark):
        steps = ist.detect(run, short).steps
    assert steps is not None
    assert np.flatnonzero(np.isnan(steps.scores)).tolist() == [*range(100, 110)]
    assert steps.table()["score"].null_count == 10


def test_errors_of_overlapping_windows_are_averaged():
    errors = torch.tensor([[[1.0, 2, 3]], [[4.0, 5, 6]], [[7.0, 8, 9]]])
    spans, groups = torch.tensor([[0, 3], [1, 4], [0, 3]]), torch.tensor([0, 0, 1])
    samples = Samples(torch.zeros(3, 1, 3), kind="series", spans=spans, groups=groups)
    assert _joined(errors, samples)[:, 0].tolist() == [1, 3, 4, 6, 7, 8, 9]


def test_a_reconstruction_has_the_rows_of_the_recording(run, odd):
    made = run.reconstruct(odd)
    assert list(made.columns) == ["when", "warm", "pressure"]
    assert made["when"].equals(odd["when"])
    apart = np.abs(made[["warm", "pressure"]].to_numpy() - odd[["warm", "pressure"]].to_numpy())
    assert np.delete(apart, np.s_[160:240], 0).max() < 1
    windows = run.read(odd)
    assert run.reconstruct(windows).shape == (47, 2, 32)
    assert list(run.encode(odd).columns) == ["name", "z0", "z1"]
    indexed = run.reconstruct(odd.set_index("when"))
    assert list(indexed.columns) == ["warm", "pressure"]
    assert indexed.index.equals(odd.set_index("when").index)


def test_an_array_without_time_stamps_is_taken_too(run, odd):
    values = odd[["warm", "pressure"]].to_numpy()
    assert np.allclose(run.reconstruct(values), run.reconstruct(odd)[["warm", "pressure"]], atol=1e-4)
    found = ist.detect(run, values)
    assert found.steps is not None
    assert found.most_anomalous[0].name.startswith("recording@")


def test_one_channel_without_an_axis_keeps_its_shape():
    wave = np.sin(2 * np.pi * np.arange(600) / 32)
    data = ist.open_data(wave, kind="series", window=32)
    run = ist.fit(ist.recipe("pca", code=2).build(data, remarks=False), data, progress=False)
    made = run.reconstruct(wave)
    assert made.shape == (600,)
    assert np.allclose(made, wave, atol=1e-3)


def test_large_numbers_keep_their_digits():
    values = 1e8 + np.stack([np.sin(np.arange(600) / 5), np.cos(np.arange(600) / 5)], 1)
    data = ist.open_data(values, kind="series", window=32, step=8)
    run = ist.fit(ist.recipe("pca", code=2).build(data, remarks=False), data, progress=False)
    made = run.reconstruct(values)
    assert made.dtype == torch.float64
    assert np.abs(made.numpy() - values).max() < 0.1
