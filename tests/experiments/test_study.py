"""A study's trials are done once, go on where they were cut, in processes too, and fail each for itself."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus import fitting
from isthmus.errors import DataError, Remark, RunError
from isthmus.experiments import Fit, Study
from isthmus.experiments.study import COMPONENTS
from isthmus.experiments.table import rows
from isthmus.pca import principal_components
from studies import figures, trials


@pytest.fixture
def trained(monkeypatch):
    """The folders that were trained into from the start."""
    folders, fit = [], fitting.fit

    def counting(model, data, **settings):
        folders.append(settings["out"].name)
        return fit(model, data, **settings)

    monkeypatch.setattr(fitting, "fit", counting)
    return folders


def test_what_is_done_is_not_done_again_and_more_trials_take_it(data, quick, trained, tmp_path):
    Study(tmp_path, data, trials(quick)).run()
    assert trained == ["code-1-seed-0", "code-2-seed-0"]
    Study(tmp_path, data, trials(quick)).run()
    assert len(trained) == 2
    Study(tmp_path, data, trials(quick, codes=(2, 3))).run()
    assert trained[2:] == ["code-3-seed-0"]


def test_one_trial_that_fails_is_told_and_loses_no_other_and_is_tried_again(data, quick, trained, tmp_path):
    wrong = Fit(candidate="pictures only", blueprint=ist.recipe("conv"), settings=quick)
    study = Study(tmp_path, data, [wrong, *trials(quick)])
    study.run()
    first, *others = rows(study)
    assert "picture" in first["error"]
    assert all(row["error"] is None and row["test_mse"] > 0 for row in others)
    count = len(trained)
    study.run()
    assert len(trained) == count


SCRIPT = """
import sys, isthmus as ist
from isthmus.experiments import Fit, Study
plan, settings = ist.recipe("vanilla"), {"epochs": 40, "compile": False, "checkpoint_seconds": 0}
trials = [Fit(candidate=f"code {c}", blueprint=plan, options={"code": c}, settings=settings) for c in (1, 2)]
study = Study(sys.argv[1], ist.open_data(sys.argv[2]), trials)
study.run(jobs=int(sys.argv[3]))
"""


LONG = {"epochs": 40, "compile": False, "checkpoint_seconds": 0}


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory):
    """The same study, never disturbed."""
    study = Study(tmp_path_factory.mktemp("unbroken"), data, trials(LONG))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    study.run()
    torch.set_num_threads(before)
    return study


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_study_killed_at_any_moment_goes_on_to_the_same_numbers(unbroken, file, data, tmp_path, jobs):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "killed"), str(file), str(jobs)]
    process = subprocess.Popen(words, env=environment)
    began = time.monotonic()
    while not list(tmp_path.glob("killed/runs/*/history.json")):
        assert process.poll() is None
        assert time.monotonic() - began < 600
        time.sleep(0.02)
    process.kill()
    process.wait()
    again = Study(tmp_path / "killed", data, trials(LONG))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        again.run()
    finally:
        torch.set_num_threads(before)
    assert figures(again) == figures(unbroken)


def test_principal_components_are_learnt_once_for_all(data, quick, tmp_path, monkeypatch):
    learnt = []
    from isthmus.experiments import study as module
    from isthmus.trained import trained_model

    def counting(*arguments):
        learnt.append(arguments[2])
        return principal_components(*arguments)

    monkeypatch.setattr(module, "principal_components", counting)
    monkeypatch.setattr(trained_model, "principal_components", counting)
    study = Study(tmp_path, data, trials(quick, codes=(1, 2, 4)))
    study.run(components=4)
    assert learnt == [4]
    assert (tmp_path / COMPONENTS).exists()
    beside = ist.load(study.place(study.trials[1])).baseline()
    exact = principal_components(data.train, data.scaling, 2)
    assert torch.equal(beside.to_tensors()["components"], exact.components)


def test_a_folder_of_another_study_is_refused_unless_its_place_is_asked_for(data, quick, tmp_path):
    Study(tmp_path, data, trials(quick)).run()
    with pytest.raises(RunError, match=r"another model or with other settings"):
        Study(tmp_path, data, trials(quick | {"epochs": 3})).run()
    other = ist.open_data(np.random.default_rng(1).normal(size=(60, 12)).astype(np.float32))
    with pytest.raises(RunError, match=r"study of other data"):
        Study(tmp_path, other, trials(quick)).run()
    changed = Study(tmp_path, data, trials(quick | {"epochs": 3}))
    changed.run(overwrite=True)
    assert [row["epochs"] for row in rows(changed)] == [3, 3]


def test_two_commands_on_one_folder_are_told_apart(data, quick, tmp_path):
    import filelock

    with filelock.FileLock(tmp_path / ".lock"), pytest.raises(RunError, match=r"Another process is working"):
        Study(tmp_path, data, trials(quick)).run()


def test_other_processes_cannot_have_data_from_memory(quick, tmp_path):
    data = ist.open_data(np.random.default_rng(1).normal(size=(60, 12)).astype(np.float32))
    with pytest.raises(DataError, match=r"jobs=1"):
        Study(tmp_path, data, trials(quick)).run(jobs=2)


def test_trials_of_one_name_and_none_at_all_are_refused(data, quick, tmp_path):
    with pytest.raises(DataError, match=r"code-1-seed-0"):
        Study(tmp_path, data, trials(quick) * 2)
    with pytest.raises(DataError, match=r"no trials"):
        Study(tmp_path, data, [])


def test_what_a_trial_remarks_is_kept_and_told(data, quick, tmp_path):
    study = Study(tmp_path, data, trials(quick, codes=(12,)))
    with pytest.warns(Remark, match=r"can copy"):
        study.run()
    assert "can copy" in json.loads((study.place(study.trials[0]) / "trial.json").read_text())["remarks"][0]


def test_a_trial_goes_to_json_and_back(quick):
    (trial,) = trials(quick, codes=(3,))
    assert Fit.from_json(json.loads(json.dumps(trial.to_json()))) == trial
