"""Tune: the space from the options' bounds, the best trial kept, killed trials continued, wrong requests."""

import json

import pytest

import isthmus as ist
from isthmus.errors import BlueprintError, DataError, RunError
from isthmus.experiments import Search, Study
from isthmus.experiments.search import optuna_study
from isthmus.experiments.space import read_space, usual_space

pytest.importorskip("optuna")


@pytest.fixture
def short():
    return {"epochs": 2, "compile": False}


def dimensions(words, recipe="deep", **settings):
    return read_space(words, ist.recipe(recipe, code=4, widths=[8, 6]), settings)


def test_the_usual_space_is_made_of_the_options_bounds_and_leaves_out_what_is_set(data):
    space = {one.name: one for one in usual_space(ist.recipe("deep", dropout=0.1).resolve(data), {"batch_size": 32})}
    assert set(space) == {"learning_rate", "activation", "normalisation", "dropout", "widths"}
    assert (space["learning_rate"].low, space["learning_rate"].high, space["learning_rate"].log) == (1e-4, 1e-2, True)
    assert (space["dropout"].low, space["dropout"].high) == (0, 0.5)
    assert space["normalisation"].values == ("null", '"batch"', '"layer"')
    assert space["activation"].start == {"activation": '"silu"'}


def test_a_network_without_hidden_layers_has_no_activation_to_search(data):
    space = usual_space(ist.recipe("vanilla").resolve(data), {})
    assert {one.name for one in space} == {"learning_rate", "batch_size"}


def test_ranges_and_values_are_read_from_words():
    code, rate, activation, widths = dimensions(
        ["code=2:6", "learning_rate=1e-3:1e-2:log", "activation=relu/silu", "widths=8,4/16,8"]
    )
    assert (code.low, code.high, code.whole, code.log) == (2, 6, True, False)
    assert (rate.low, rate.high, rate.whole, rate.log) == (1e-3, 1e-2, False, True)
    assert activation.values == ('"relu"', '"silu"')
    assert widths.values == ("[8, 4]", "[16, 8]")


def test_an_option_of_the_loss_makes_losses_incomparable():
    (weight,) = dimensions(["weight=0.1:10"], "sparse")
    assert not weight.comparable
    assert all(one.comparable for one in dimensions(["code", "dropout", "lr"]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["colour"], "There is no option 'colour' here"),
        (["code=8:2"], "expected a range of two numbers, the smaller one first"),
        (["dropout=0:2"], "dropout"),
        (["activation=relu/wrong"], "activation"),
        (["code=1:4", "code"], "twice"),
        ([], "empty"),
    ],
)
def test_a_wrong_space_is_explained(words, message):
    with pytest.raises(BlueprintError, match=message):
        dimensions(words)


def test_a_search_keeps_the_best_run_and_prunes(data, short, tmp_path):
    found = ist.tune(data, "deep", trials=7, space=["learning_rate=1e-5:1e-1:log", "code=3:4"], out=tmp_path, **short)
    values = [row["value"] for row in found.rows if row["value"] is not None]
    assert found.value == min(values)
    assert len(values) + sum(row["pruned"] for row in found.rows) == 7
    assert found.usual == found.rows[0]["value"]
    run = found.run
    assert run.settings.learning_rate == found.best["learning_rate"]
    assert run.evaluate()["validation"]["mse"]["model"] == pytest.approx(found.value)
    kept = {path.parent.name for path in tmp_path.glob("runs/*/weights.safetensors")}
    assert kept == {f"{found.candidate.replace(' ', '-')}-seed-0"}
    page = (tmp_path / "report.html").read_text()
    assert found.verdict.partition(",")[0] in page
    assert json.loads((tmp_path / "results.json").read_text())["options"] == dict(found.best)
    # more trials add to those that are there
    more = ist.tune(data, "deep", trials=8, space=["learning_rate=1e-5:1e-1:log", "code=3:4"], out=tmp_path, **short)
    assert [row["value"] for row in more.rows[:7]] == [row["value"] for row in found.rows]


class _Killed(BaseException):
    """As if the process had ended."""


def test_a_killed_search_goes_on_as_if_nothing_had_happened(data, short, tmp_path, monkeypatch):
    def search(folder):
        return ist.tune(data, "deep", trials=3, space=["learning_rate"], out=folder, checkpoint_seconds=0, **short)

    whole = search(tmp_path / "whole")
    counted = 0

    def die(self, training):
        nonlocal counted
        counted += 1
        if counted == 4:  # in the middle of the second trial
            raise _Killed

    with monkeypatch.context() as patched:
        patched.setattr("isthmus.experiments.trial.Counting.epoch_begin", die, raising=False)
        with pytest.raises(_Killed):
            search(tmp_path / "killed")
    again = search(tmp_path / "killed")
    assert [row["value"] for row in again.rows] == [row["value"] for row in whole.rows]
    with optuna_study(tmp_path / "killed") as (_, searched):
        assert [trial.state.name for trial in searched.trials] == ["COMPLETE"] * 3


def test_trials_in_processes_are_those_of_one_study(file, short, tmp_path):
    found = ist.tune(file, "vanilla", trials=2, space=["learning_rate"], jobs=2, out=tmp_path, **short)
    assert not found.failures
    assert [row["value"] is not None for row in found.rows] == [True, True]
    assert all(isinstance(trial, Search) for trial in Study.open(tmp_path).trials)


def test_optuna_is_left_as_it_was(data, short, tmp_path):
    import optuna

    before = optuna.logging.get_verbosity()
    ist.tune(data, "vanilla", trials=1, space=["learning_rate"], out=tmp_path, **short)
    assert optuna.logging.get_verbosity() == before


def test_a_search_without_a_validation_part_or_trials_is_refused(file, tmp_path):
    with pytest.raises(DataError, match="no validation part"):
        ist.tune(ist.open_data(file, validation=0), out=tmp_path)
    with pytest.raises(DataError, match="trials=0"):
        ist.tune(file, trials=0, out=tmp_path)


def test_another_space_in_the_same_folder_is_refused(data, short, tmp_path):
    ist.tune(data, "vanilla", trials=1, space=["learning_rate"], out=tmp_path, **short)
    with pytest.raises(RunError, match="overwrite=True"):
        ist.tune(data, "vanilla", trials=1, space=["code=1:2"], out=tmp_path, **short)
    ist.tune(data, "vanilla", trials=1, space=["code=1:2"], out=tmp_path, overwrite=True, **short)
