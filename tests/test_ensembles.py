"""Ensembles: several runs judge and reconstruct together, and say how far they disagree."""

import csv
import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from typer.testing import CliRunner

import isthmus as ist
from isthmus.cli.main import app
from isthmus.errors import DataError, RunError, UseError
from isthmus.trained import TrainedEnsemble


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A table of numbers as a file, so that runs can open it again."""
    draw = np.random.default_rng(0)
    values = draw.normal(size=(300, 2)) @ draw.normal(size=(2, 5)) + 0.1 * draw.normal(size=(300, 5))
    path = tmp_path_factory.mktemp("ensemble") / "rows.csv"
    np.savetxt(path, values, delimiter=",", header="a,b,c,d,e", comments="")
    return path


@pytest.fixture(scope="module")
def runs(rows):
    data = ist.open_data(rows)
    return [
        ist.fit(ist.recipe("random-features", code=2, features=20).build(data), data, seed=seed, progress=False)
        for seed in range(3)
    ]


@pytest.mark.parametrize("by", ["error", "auto", "neighbours"])
def test_the_score_is_the_mean_of_the_members_in_units_of_their_usual_ones(by, runs):
    samples = runs[0].open().test
    found = ist.detector(ist.ensemble(runs), by)
    each = []
    for run in runs:
        own = ist.detector(run, by)
        centre = own.usual.median()
        each.append((own.scores(samples) - centre) / (own.usual.quantile(0.9) - centre))
    scores, spread = found.scores_and_spread(samples)
    torch.testing.assert_close(scores, torch.stack(each).mean(0))
    torch.testing.assert_close(spread, torch.stack(each).std(0, correction=0))
    assert float((found.usual > found.threshold).double().mean()) <= 0.01
    assert abs(float(found.usual.median())) < 0.5


def test_the_median_ignores_one_model_that_is_far_off(runs):
    samples = runs[0].open().test
    wrong = ist.fit(ist.recipe("random-features", code=2, features=20).build(runs[0].open()), runs[0].open(), seed=9)
    with torch.no_grad():
        wrong.model.decoder.get_submodule("output").bias.fill_(1e6)  # pyright: ignore[reportCallIssue]
    usual = ist.ensemble(runs, combine="median").reconstruct(samples)
    found = ist.ensemble([*runs, wrong], combine="median").reconstruct(samples)
    assert float((found.mean - usual.mean).abs().max()) < 1
    assert float(found.spread.min()) > 1e3


def test_reconstructions_come_with_their_spread(runs):
    samples = runs[0].open().test
    found = ist.ensemble(runs).reconstruct(samples)
    each = torch.stack([run.reconstruct(samples) for run in runs])
    torch.testing.assert_close(found.mean, each.mean(0))
    torch.testing.assert_close(found.spread, each.std(0, correction=0))
    assert "differ by" in str(found)


def test_categories_are_put_to_the_vote():
    kind = np.array(["a", "b", "c"] * 40)
    table = pa.table({"kind": kind, "size": np.arange(120.0)})
    data = ist.open_data(table, categorical="auto")
    members = [
        ist.fit(
            ist.recipe("table", widths=(8,), code=1).build(data, seed=seed), data, epochs=1, seed=seed, progress=False
        )
        for seed in range(3)
    ]
    found = ist.ensemble(members).reconstruct(data.test)
    each = torch.stack([run.reconstruct(data.test) for run in members])[:, :, 0]
    usual = each.mode(0).values
    assert torch.equal(found.mean[:, 0], usual)
    torch.testing.assert_close(found.spread[:, 0], (each != usual).float().mean(0))


def test_a_folder_of_runs_is_an_ensemble_for_python_and_the_command(runs, rows, tmp_path):
    folder = ist.ensemble(runs).save(tmp_path / "three")
    assert [path.name for path in sorted(folder.iterdir())] == ["0", "1", "2"]
    again = ist.ensemble(folder)
    expected = ist.detect(ist.ensemble(runs), str(rows), by="error")
    found = ist.detect(again, str(rows), by="error")
    torch.testing.assert_close(found.scores, expected.scores)
    target, picture = tmp_path / "scores.csv", tmp_path / "odd.png"
    words = ["detect", str(folder), str(rows), str(target), "--by", "error", "--explain", "none", "--quiet", "--json"]
    result = CliRunner().invoke(app, [*words, "--picture", str(picture)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["most_anomalous"][0]["spread"] == pytest.approx(float(found.most_anomalous[0].spread or 0), rel=1e-6)
    assert found.spread is not None
    with target.open() as file:
        written = [*csv.DictReader(file)]
    assert [float(row["spread"]) for row in written] == pytest.approx(found.spread.tolist(), rel=1e-5)
    assert [float(row["score"]) for row in written] == pytest.approx(found.scores.tolist(), rel=1e-5, abs=1e-6)
    with pytest.raises(RunError, match="has runs already"):
        again.save(folder)
    again.save(folder, overwrite=True)


def test_rows_of_a_table_are_explained_by_the_whole_ensemble(runs, rows):
    three = ist.ensemble(runs)
    broken = runs[0].read(str(rows)).take([0]).tensor().clone()
    broken[0, 1] += 30
    reasons = ist.explain(three, broken.numpy(), by="error")[0].reasons
    assert reasons[0].column == "b"
    assert "±" in str(ist.detect(three, broken.numpy(), by="error"))


def test_recordings_get_a_score_for_each_step(tmp_path):
    hour = np.arange(400)
    wave = np.sin(2 * np.pi * hour / 24) + 0.05 * np.random.default_rng(0).normal(size=400)
    wave[200:204] = 3.0
    np.savetxt(tmp_path / "meter.csv", wave, header="load", comments="")
    data = ist.open_data(tmp_path / "meter.csv", kind="series", window=24)
    blueprint = ist.recipe("random-features", code=4, features=20)
    two = ist.ensemble([ist.fit(blueprint.build(data), data, seed=seed, progress=False) for seed in range(2)])
    found = ist.detect(two, tmp_path / "meter.csv")
    assert found.steps is not None
    assert 190 <= int(np.nanargmax(found.steps.scores)) <= 215
    made = two.reconstruct(tmp_path / "meter.csv")
    assert made.mean.shape == made.spread.shape == (400, 1)


def test_what_makes_no_ensemble_is_refused(runs, rows, tmp_path):
    data = ist.open_data(np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32))
    other = ist.fit(ist.recipe("pca", code=1).build(data), data, progress=False)
    with pytest.raises(UseError, match="another shape"):
        ist.ensemble([runs[0], other])
    with pytest.raises(UseError, match="two or more runs"):
        ist.ensemble(runs[:1])
    with pytest.raises(UseError, match="Give a list"):
        ist.ensemble(runs[0])
    with pytest.raises(DataError, match="no way 'best'"):
        TrainedEnsemble(runs, "best")  # pyright: ignore[reportArgumentType]
    with pytest.raises(RunError, match="0 folders with a run"):
        ist.ensemble(tmp_path)
    with pytest.raises(RunError, match="There is no folder"):
        ist.ensemble(tmp_path / "nowhere")
