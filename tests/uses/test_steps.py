"""Scores of the time steps of recordings."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import isthmus as ist
from isthmus.data.samples import Samples
from isthmus.uses.step_pictures import draw_steps
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
    name, value, expected, share, _ = found.most_anomalous[0].columns[0]
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


def test_recordings_are_scored_by_training_windows_and_the_model_by_default(run, odd):
    found = ist.detect(run, odd)
    assert found.by == "combined"
    assert found.steps is not None
    kinder = ist.detect(run, odd, clean=True).steps
    assert kinder is not None
    assert not np.allclose(kinder.scores, found.steps.scores)


def test_a_usual_value_at_a_wrong_time_is_anomalous():
    time = np.arange(2000)
    wave = np.sin(2 * np.pi * time / 40) + np.random.default_rng(0).normal(0, 0.05, 2000)
    data = ist.open_data(wave[:1200], kind="series", window=40)
    run = ist.fit(ist.recipe("pca").build(data, remarks=False), data, progress=False)
    new = wave[1200:].copy()
    new[400:420] = new[420:440][::-1]
    steps = ist.detect(run, new).steps
    assert steps is not None
    assert 390 <= int(steps.scores.argmax()) < 430
    assert steps.anomalous[400:420].mean() > 0.8
    assert np.delete(steps.anomalous, np.s_[360:460]).mean() < 0.05


def test_steps_far_from_an_anomaly_are_usual(run, odd):
    steps = ist.detect(run, odd).steps
    assert steps is not None
    assert steps.anomalous[200:206].all()
    assert np.delete(steps.anomalous, np.s_[168:238]).mean() < 0.05  # windows have 32 steps


def test_new_recordings_may_begin_at_any_phase():
    generator = np.random.default_rng(0)
    shape = np.repeat([0.0, 1, 0, 3, 0, 0], 8)  # jumps, which no few waves can follow
    values = np.tile(shape, 60) + generator.normal(0, 0.05, 48 * 60)
    data = ist.open_data(values, kind="series", window=48)
    run = ist.fit(ist.recipe("pca", code=8).build(data, remarks=False), data, progress=False)
    for start in (0, 5, 11):
        steps = ist.detect(run, values[start : start + 800]).steps
        assert steps is not None
        assert steps.anomalous.mean() < 0.05


def test_the_picture_shows_the_worst_stretches(run, odd):
    given = odd.drop(index=[*range(100, 150)])
    with pytest.warns(ist.errors.Remark):
        found = ist.detect(run, given)
    assert found.steps is not None
    figure = draw_steps(run, found.steps)
    assert "2024-03-01 03:2" in figure.axes[1].get_title(loc="left")
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["warm", "pressure", "score"]


def test_the_picture_of_a_usual_recording_has_no_stretch(run):
    steps = ist.detect(run, recording(100, seed=4)[["warm", "pressure"]].to_numpy(), quantile=0.9999).steps
    assert steps is not None
    steps = replace(steps, threshold=float(steps.scores.max()))
    assert len(draw_steps(run, steps).axes) == 3


def test_several_recordings_of_different_lengths_are_scored_in_their_rows(run, odd):
    both = pd.concat([recording(90, seed=5).assign(id="a"), odd.assign(id="b"), recording(20).assign(id="short")])
    with pytest.warns(ist.errors.Remark, match="shorter than a window"):
        data = ist.open_data(both, kind="series", window=32, step=7, groups="id", validation=0, test=0)
    own = ist.fit(ist.recipe("pca", code=2).build(data, remarks=False), data, progress=False)
    shuffled = both.sample(frac=1, random_state=0)
    with pytest.warns(ist.errors.Remark):
        steps = ist.detect(own, shuffled).steps
    assert steps is not None
    worst = shuffled.iloc[int(np.nanargmax(steps.scores))]
    assert (worst["id"], worst["pressure"] > 1030) == ("b", True)
    assert np.isnan(steps.scores[(shuffled["id"] == "short").to_numpy()]).all()
    assert np.isfinite(steps.scores[(shuffled["id"] != "short").to_numpy()]).all()
    assert draw_steps(own, steps).axes[0].get_title(loc="left") == "b"


def test_missing_numbers_of_one_channel_leave_the_score_of_the_other(odd):
    given = recording()
    given.loc[np.random.default_rng(0).integers(0, ROWS, 40), "warm"] = np.nan
    data = ist.open_data(given, kind="series", window=32, step=7, missing="keep")
    run = ist.fit(ist.recipe("deep", code=2).build(data, remarks=False), data, epochs=2, progress=False)
    holed = odd.copy()
    holed.loc[190:210, "warm"] = np.nan
    steps = ist.detect(run, holed).steps
    assert steps is not None
    assert np.isfinite(steps.scores).all()
    assert np.isnan(steps.errors[190:211, 0]).all()
    assert 198 <= int(steps.scores.argmax()) <= 208
    assert len(draw_steps(run, steps).axes) > 3
