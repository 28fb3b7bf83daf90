"""A run that is killed, or gets a signal, at any of its writes goes on to the same bits, and no run is ever lost."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import IsthmusError, Remark, RunError
from isthmus.storage import run_folder
from isthmus.storage.run_folder import NEW, commit, finish_move, locked

pytestmark = pytest.mark.filterwarnings("ignore::isthmus.errors.Remark")

EPOCHS = {"finished": 2, "stopped early": 40}


class Killed(BaseException):
    """The process has died: nothing that catches errors sees it."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ist.Data:
    path = tmp_path_factory.mktemp("data") / "values.npy"
    np.save(path, np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32))
    return ist.open_data(path)


def _fit(data: ist.Data, folder: Path | None, status: str = "finished", seed: int = 1, **more: Any) -> ist.Run:
    how: dict[str, Any] = {"learning_rate": 1e-2}
    if status == "stopped early":
        how = {"learning_rate": 0.1, "optimiser": "rmsprop", "patience": 2}
    model = ist.recipe("deep", widths=(4,), code=2).build(data, seed=seed)
    how |= {"epochs": EPOCHS[status], "batch_size": 16, "seed": seed, "compile": False, "device": "cpu"}
    return ist.fit(model, data, out=folder, progress=False, checkpoint_seconds=0, **how, **more)


@pytest.fixture(scope="module")
def unbroken(data: ist.Data) -> dict[str, ist.Run]:
    runs = {status: _fit(data, None, status) for status in EPOCHS}
    assert {status: run.status for status, run in runs.items()} == {status: status for status in EPOCHS}
    return runs


def _assert_same(run: ist.Run, other: ist.Run) -> None:
    assert (run.status, run.reason, run.best_epoch) == (other.status, other.reason, other.best_epoch)
    losses = [[row["loss"] for row in one.history] for one in (run, other)]
    assert losses[0] == losses[1]
    weights, others = run.model.state_dict(), other.model.state_dict()
    assert all(torch.equal(weights[name].cpu(), others[name].cpu()) for name in others)


def _at_each_change(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None], number: int, before: bool) -> list[Path]:
    """Have `act` called before or after the so manyeth change of a folder (a file put in place, or taken away)."""
    changes: list[Path] = []

    def counting(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(path: Path, *given: Any, **how: Any) -> Any:
            if change is unlink and not path.exists():
                return change(path, *given, **how)
            changes.append(path)
            now = len(changes) == number
            if now and before:
                act()
            made = change(path, *given, **how)
            if now and not before:
                act()
            return made

        return changed

    unlink = Path.unlink
    for name in ("replace", "rename", "unlink"):
        monkeypatch.setattr(Path, name, counting(getattr(Path, name)))
    return changes


def _moments(*, after: bool = False) -> Iterator[tuple[int, bool]]:
    """Before each change; for a process that dies, after one is before the next."""
    for number in range(1, 60):
        yield number, True
        if after:
            yield number, False


def _die() -> None:
    raise Killed


@pytest.mark.parametrize("status", EPOCHS)
def test_a_run_that_dies_at_any_write_goes_on_to_the_same_bits(data, unbroken, tmp_path, monkeypatch, status) -> None:
    number = 0
    number = 0
    for number, before in _moments():
        folder = tmp_path / f"{number}-{before}"
        with monkeypatch.context() as patch:
            changes = _at_each_change(patch, _die, number, before)
            try:
                _fit(data, folder, status)
            except Killed:
                pass
            else:
                assert len(changes) < number
                break
        if (folder / "model.json").exists():
            loaded = ist.load(folder)
            assert loaded.status in ("interrupted", status)
            run = ist.resume(folder, progress=False)
        else:
            run = _fit(data, folder, status)
        _assert_same(run, unbroken[status])
        _assert_same(ist.load(folder), unbroken[status])
    assert number > 8


@pytest.mark.parametrize("status", EPOCHS)
def test_a_signal_at_any_write_leaves_a_run_that_ends_with_the_same_bits(
    data, unbroken, tmp_path, monkeypatch, status
) -> None:
    number = 0
    number = 0
    for number, before in _moments(after=True):
        folder = tmp_path / f"{number}-{before}"
        with monkeypatch.context() as patch:
            changes = _at_each_change(patch, lambda: signal.raise_signal(signal.SIGINT), number, before)
            try:
                first = _fit(data, folder, status).status
            except KeyboardInterrupt:
                first = "interrupted"
            if len(changes) < number:
                break
        assert first in ("interrupted", status)
        again = ist.resume(folder, progress=False) if (folder / "model.json").exists() else _fit(data, folder, status)
        _assert_same(again, unbroken[status])
        _assert_same(ist.load(folder), unbroken[status])
    assert number > 8


def test_a_prolongation_that_dies_at_any_write_is_remembered(data, unbroken, tmp_path, monkeypatch) -> None:
    _fit(data, tmp_path / "run")
    shutil.copytree(tmp_path / "run", tmp_path / "straight")
    straight = ist.resume(tmp_path / "straight", epochs=4, progress=False)
    assert len(straight.history) == 4
    number = 0
    number = 0
    for number, before in _moments():
        folder = tmp_path / f"{number}-{before}"
        shutil.copytree(tmp_path / "run", folder)
        with monkeypatch.context() as patch:
            changes = _at_each_change(patch, _die, number, before)
            with contextlib.suppress(Killed):
                ist.resume(folder, epochs=4, progress=False)
            if len(changes) < number:
                break
        assert len(ist.load(folder).history) >= 2
        kept = (number, before) == (1, True)  # then nothing was written yet, and the run is as it was
        run = ist.resume(folder, progress=False)
        _assert_same(run, unbroken["finished"] if kept else straight)
        assert ist.load(folder).settings.epochs == (2 if kept else 4)
    assert number > 6


def test_a_run_that_stopped_early_and_is_prolonged_remembers_it_too(data, tmp_path, monkeypatch) -> None:
    run = _fit(data, tmp_path / "run", "stopped early")
    done = len(run.history)
    with monkeypatch.context() as patch:
        _at_each_change(patch, _die, 2, before=False)
        with pytest.raises(Killed):
            ist.resume(tmp_path / "run", epochs=EPOCHS["stopped early"], progress=False)
    assert len(ist.resume(tmp_path / "run", progress=False).history) > done


def test_an_old_run_is_there_until_the_new_one_is_whole(data, unbroken, tmp_path, monkeypatch) -> None:
    _fit(data, tmp_path / "old", seed=2)
    (tmp_path / "old" / "notes.txt").write_text("mine")
    old = ist.load(tmp_path / "old")
    number = 0
    number = 0
    for number, before in _moments():
        folder = tmp_path / f"{number}-{before}"
        shutil.copytree(tmp_path / "old", folder)
        with monkeypatch.context() as patch:
            changes = _at_each_change(patch, _die, number, before)
            with contextlib.suppress(Killed):
                _fit(data, folder, overwrite=True)
            if len(changes) < number:
                break
        run = ist.load(folder)
        assert run.settings.seed in (1, 2)
        _assert_same(run, old if run.settings.seed == 2 else unbroken["finished"])
        if (folder / NEW).exists():
            assert run.settings.seed == 2
            _assert_same(ist.resume(folder, progress=False), unbroken["finished"])
        else:
            _fit(data, folder, overwrite=True)
        _assert_same(ist.load(folder), unbroken["finished"])
        assert (folder / "notes.txt").read_text() == "mine"
        assert not any((folder / name).exists() for name in (NEW, ".ready", ".moving"))
    assert number > 20


@pytest.mark.parametrize("number", [1, 3, 5, 8, 11, 14])
def test_a_disk_that_fills_under_a_new_run_leaves_the_old_one(data, tmp_path, monkeypatch, number: int) -> None:
    old = _fit(data, tmp_path, seed=2)
    calls: list[int] = []
    fsync = os.fsync

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) >= number:
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IsthmusError, match="the disk is full"):
        _fit(data, tmp_path, overwrite=True)
    monkeypatch.undo()
    _assert_same(ist.load(tmp_path), old)


class DiskFills(ist.Callback):
    """The disk is full from the last epoch on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def epoch_begin(self, training: Any) -> None:
        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        if training.state.epoch == training.settings.epochs - 1:
            self.monkeypatch.setattr(os, "fsync", full)


def test_a_disk_that_fills_while_training_keeps_the_last_checkpoint(data, unbroken, tmp_path, monkeypatch) -> None:
    with pytest.raises(IsthmusError, match=r"checkpoint.*: the disk is full\. Free some space") as caught:
        _fit(data, tmp_path / "run", callbacks=[DiskFills(monkeypatch)])
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    there = {path.name for path in (tmp_path / "run").iterdir()}
    assert there == {".lock", "checkpoint.safetensors", "data.json", "environment.json", "history.json", "model.json",
        "settings.json"}  # fmt: skip
    _assert_same(ist.resume(tmp_path / "run", progress=False), unbroken["finished"])


class Stop(ist.Callback):
    """Ctrl-C in the second epoch."""

    def epoch_begin(self, training: Any) -> None:
        if training.state.epoch == 1:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_leaves_the_old_run_and_the_new_one_which_can_go_on(data, unbroken, tmp_path) -> None:
    old = _fit(data, tmp_path, seed=2)
    stopped = _fit(data, tmp_path, overwrite=True, callbacks=[Stop()])
    assert (stopped.status, stopped.folder) == ("interrupted", tmp_path / NEW)
    with pytest.warns(Remark, match="You get the old run"):
        _assert_same(ist.load(tmp_path), old)
    run = ist.resume(tmp_path, progress=False)
    _assert_same(run, unbroken["finished"])
    assert run.folder == tmp_path
    _assert_same(ist.load(tmp_path), unbroken["finished"])
    assert not (tmp_path / NEW).exists()


def test_a_new_run_that_diverges_leaves_the_old_one(data, tmp_path) -> None:
    old = _fit(data, tmp_path, seed=2)
    model = ist.recipe("deep", widths=(4,), code=2).build(data)
    with pytest.raises(ist.IsthmusError, match="no longer finite"):
        ist.fit(model, data, out=tmp_path, overwrite=True, learning_rate=1e30, optimiser="sgd", progress=False)
    _assert_same(ist.load(tmp_path), old)


def test_what_the_old_run_had_and_the_new_one_has_not_is_removed(data, tmp_path) -> None:
    _fit(data, tmp_path)
    (tmp_path / "report.html").touch()
    ist.fit(ist.recipe("pca", code=2).build(data), data, out=tmp_path, overwrite=True)
    assert not any((tmp_path / name).exists() for name in ("checkpoint.safetensors", "report.html"))


def test_fewer_epochs_than_are_done_are_refused(data, tmp_path) -> None:
    _fit(data, tmp_path)
    with pytest.raises(RunError, match=r"epochs=1 is too small: the run in .* has done 2"):
        ist.resume(tmp_path, epochs=1, progress=False)
    assert ist.load(tmp_path).settings.epochs == 2


def test_a_run_without_its_checkpoint_is_done_or_says_so(data, tmp_path) -> None:
    _fit(data, tmp_path)
    (tmp_path / "checkpoint.safetensors").unlink()
    with pytest.warns(Remark, match="there is nothing left to do"):
        ist.resume(tmp_path, progress=False)
    with pytest.raises(RunError, match="has no checkpoint"):
        ist.resume(tmp_path, epochs=9, progress=False)
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(RunError, match="has no checkpoint"):
        ist.resume(tmp_path, progress=False)


def test_a_reader_waits_for_a_process_that_moves_a_run(data, tmp_path, monkeypatch) -> None:
    _fit(data, tmp_path, seed=2)
    (tmp_path / ".ready").mkdir()
    monkeypatch.setattr(run_folder, "COMMIT_SECONDS", 0.05)
    with locked(tmp_path), pytest.raises(RunError, match="Another process is writing"):
        finish_move(tmp_path)
    shutil.rmtree(tmp_path / ".ready")
    shutil.copytree(tmp_path, tmp_path / NEW)
    with locked(tmp_path):
        commit(tmp_path)
    assert ist.load(tmp_path).settings.seed == 2
