"""Disentangling: a run's codes measured with the factors of its data, in Python and on the command line."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import isthmus as ist
from isthmus.cli.main import app
from isthmus.errors import DataError, Remark, UseError

FACTORS = np.stack([np.arange(120) % 3, np.arange(120) // 3 % 4, np.zeros(120, int)], 1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A linear code of columns that are two factors and nothing else, in a folder."""
    folder = tmp_path_factory.mktemp("disentangle")
    values = FACTORS[:, [0, 0, 0, 1]].astype(np.float32)
    np.savez(folder / "x.npz", x=values, factors=FACTORS, factor_names=np.array(["kind", "size", "colour"]))
    data = ist.open_data(folder / "x.npz")
    return ist.fit(ist.recipe("pca", code=2).build(data), data, out=folder / "run", progress=False)


def test_the_runs_own_data_give_the_factors_and_one_that_does_not_vary_is_left_out(run):
    with pytest.warns(Remark, match="left out: colour"):
        found = ist.disentangle(run, resamples=0)
    assert found.factors == ("kind", "size")
    assert found.samples == 120
    assert found.scores["disentanglement"].value > 0.9


def test_factors_can_be_given_with_a_source(run):
    values = FACTORS[:, [0, 0, 0, 1]].astype(np.float32)
    found = ist.disentangle(run, values, factors=FACTORS[:, 0], resamples=0)
    assert found.factors == ("factor 0",)
    with pytest.raises(DataError, match="no known factors"):
        ist.disentangle(run, values)
    with pytest.raises(DataError, match="Factors of shape"):
        ist.disentangle(run, values, factors=FACTORS[:-1])
    with pytest.raises(UseError, match="those of a source"):
        ist.disentangle(run, factors=FACTORS)
    with pytest.raises(DataError, match="no part 'all'"):
        ist.disentangle(run, part="all")


def test_the_command_prints_the_same_numbers(run):
    words = ["disentangle", str(run.folder), "--resamples", "0", "--part", "train"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "FactorVAE score" in shown.stdout
    assert "kind" in shown.stdout
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    with pytest.warns(Remark):
        same = ist.disentangle(run, part="train", resamples=0)
    assert found["scores"]["mig"]["value"] == pytest.approx(same.scores["mig"].value)
