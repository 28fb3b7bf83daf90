"""Trials in processes of their own: as in one, killed, stopped, and without their data."""

import contextlib
import signal

import psutil
import pytest
import torch

import isthmus as ist
from isthmus.errors import IsthmusError, Remark
from isthmus.experiments import Fit, Study
from isthmus.experiments.table import rows
from studies import figures, trials

QUICK = {"epochs": 2, "compile": False, "learning_rate": 1e-2}
KILLS = hasattr(signal, "SIGKILL")
"""Whether the system has a signal that kills."""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Here and in the processes, on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def shared(data, tmp_path_factory):
    """A study in two processes. The first trial takes for ever, so its process is killed when the others are done."""
    slow = Fit(candidate="slow", blueprint=ist.recipe("vanilla"), settings=QUICK | {"epochs": 200_000})
    study = Study(tmp_path_factory.mktemp("shared"), data, [*([slow] if KILLS else []), *trials(QUICK)])

    def kill_slow(done, total):
        if KILLS and all(study.found(trial) for trial in study.trials[1:]):
            for process in children():
                process.kill()

    study.run(jobs=2, progress=kill_slow)
    return study


def test_processes_come_to_the_same_numbers_as_one(shared, data, tmp_path):
    alone = Study(tmp_path, data, trials(QUICK))
    alone.run()
    assert figures(shared)[-2:] == figures(alone)
    assert all(row["error"] is None for row in figures(alone))


@pytest.mark.skipif(not KILLS, reason="the system has no signal that kills")
def test_a_process_that_is_killed_fails_its_trial_only(shared):
    failed, *others = rows(shared)
    assert "SIGKILL" in failed["error"]
    assert [row["error"] for row in others] == [None, None]


def test_processes_that_are_stopped_say_so_and_save_what_they_had(data, quick, tmp_path):
    study = Study(tmp_path, data, trials(quick | {"epochs": 200_000}))

    def interrupt(done, total):
        raise KeyboardInterrupt

    with (
        pytest.warns(Remark, match="Stopping: the current trainings are saved first"),
        pytest.raises(KeyboardInterrupt),
    ):
        study.run(jobs=2, progress=interrupt)
    assert not list(children())
    assert list(tmp_path.rglob("checkpoint.safetensors"))


def test_data_that_processes_cannot_open_again_end_the_study(file, quick, tmp_path):
    copy = tmp_path / "copy.npy"
    copy.write_bytes(file.read_bytes())
    study = Study(tmp_path / "study", ist.open_data(copy), trials(quick))
    copy.unlink()
    with pytest.raises(IsthmusError, match=r"copy\.npy"):
        study.run(jobs=2)
    assert not list(children())
    assert not list(tmp_path.rglob("trial.json"))


def children():
    """The processes that this one has started for a study."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile
            if "isthmus.experiments.one_trial" in child.cmdline():
                yield child
