"""A run that was killed or interrupted goes on as if nothing had happened, bit for bit."""

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch

import isthmus as ist
from isthmus.errors import Remark, RunError
from isthmus.storage.checked import load_tensors

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that start with everything imported")

# Everything that a checkpoint must carry: dropout's generator, running means, a schedule, momenta, the best weights.
OPTIONS = {"widths": (24, 12), "dropout": 0.2, "normalisation": "batch", "code": 6}
SETTINGS = {
    "epochs": 8,
    "batch_size": 64,
    "schedule": "cosine",
    "warmup": 1,
    "clip": 1.0,
    "patience": 20,
    "seed": 3,
    "checkpoint_seconds": 0,
    "compile": False,
}


KILLS = 6
"""`test_moments.py` interrupts at every write; here the system ends the process, wherever it is."""


class Slowly(ist.Callback):
    """Says when training begins and makes a step take a while, so that a kill falls into the middle of things."""

    def __init__(self, sign: Path) -> None:
        self.sign = sign

    def train_begin(self, training: object) -> None:
        self.sign.touch()

    def batch_end(self, training: object) -> None:
        time.sleep(0.002)


def _train(folder: Path, slowly: bool = True) -> None:
    torch.set_num_threads(1)
    os.fsync = lambda fd: None  # a process that is killed loses nothing that it has written
    callbacks = [Slowly(_sign(folder))] if slowly else []
    if (folder / "model.json").exists():
        ist.resume(folder, progress=False, callbacks=callbacks)
    else:
        data = ist.open_data("digits")
        model = ist.recipe("deep", **OPTIONS).build(data)
        ist.fit(model, data, out=folder, progress=False, callbacks=callbacks, **SETTINGS)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that start with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["isthmus.fitting", "sklearn.datasets"])
    return context


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, processes) -> Path:
    """The same run, never disturbed."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    process = processes.Process(target=_train, args=(folder, False))
    process.start()
    process.join(600)
    assert process.exitcode == 0
    return folder


def _sign(folder: Path) -> Path:
    return folder.parent / f"{folder.name}-begun"


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_tensors(folder / "weights.safetensors")[0]


def _assert_equal_runs(folder: Path, other: Path) -> None:
    weights, others = _weights(folder), _weights(other)
    assert weights.keys() == others.keys()
    for name in weights:
        assert torch.equal(weights[name], others[name]), name
    rows, other_rows = ist.load(folder).history, ist.load(other).history
    timeless = [{k: v for k, v in row.items() if "second" not in k} for row in rows]
    assert timeless == [{k: v for k, v in row.items() if "second" not in k} for row in other_rows]


def test_run_killed_at_random_moments_equals_unbroken_run(tmp_path: Path, unbroken: Path, processes) -> None:
    moments = random.Random(7)
    kills, attempt = 0, 0
    while kills < KILLS:
        attempt += 1
        folder, lives = tmp_path / f"run{attempt}", 0
        while not (folder / "weights.safetensors").exists():
            _sign(folder).unlink(missing_ok=True)
            process = processes.Process(target=_train, args=(folder,))
            process.start()
            while process.is_alive() and not _sign(folder).exists():
                time.sleep(0.005)
            lives += 1  # each a little longer, so that it gets on where the machine is busy
            process.join(moments.uniform(0, 0.5) * (1 + lives / 5))
            if process.is_alive() and kills < KILLS:  # a slow machine that is killed for ever would never get through
                process.kill()
                kills += 1
            process.join()
            assert process.exitcode in {0, -signal.SIGKILL}
        _assert_equal_runs(folder, unbroken)


def test_interrupted_run_ends_cleanly_and_resumes_to_the_same_bits(tmp_path: Path, unbroken: Path, processes) -> None:
    folder = tmp_path / "run"
    process = processes.Process(target=_train, args=(folder,))
    process.start()
    while not (folder / "history.json").exists():  # the first epoch is done
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    process.join(600)
    assert process.exitcode == 0
    run = ist.load(folder)
    assert run.status == "interrupted"
    assert 1 <= len(run.history) < SETTINGS["epochs"]
    process = processes.Process(target=_train, args=(folder, False))
    process.start()
    process.join(600)
    _assert_equal_runs(folder, unbroken)


def test_unfinished_run_loads_with_its_best_weights_and_a_remark(tmp_path: Path, processes) -> None:
    folder = tmp_path / "run"
    process = processes.Process(target=_train, args=(folder,))
    process.start()
    while not (folder / "history.json").exists():
        time.sleep(0.01)
    process.kill()
    process.join()
    with pytest.warns(Remark, match="not finished"):
        run = ist.load(folder)
    assert run.encode(ist.open_data("digits").test).shape == (180, 6)


@pytest.mark.parametrize("status", ["finished", "stopped early"])
def test_run_killed_between_its_last_checkpoint_and_its_weights_is_finished(tmp_path: Path, status: str) -> None:
    data = ist.open_data("digits")
    settings: dict[str, Any] = (
        {"epochs": 2} if status == "finished" else {"epochs": 50, "learning_rate": 0.1, "patience": 1}
    )
    run = ist.fit(ist.recipe("vanilla", code=4).build(data), data, out=tmp_path / "run", progress=False, **settings)
    assert run.status == status
    (tmp_path / "run" / "weights.safetensors").unlink()
    finished = ist.resume(tmp_path / "run", progress=False)
    assert (finished.status, len(finished.history)) == (status, len(run.history))
    assert torch.equal(ist.load(tmp_path / "run").encode(data.test), run.encode(data.test))


def test_finished_run_has_nothing_to_resume_and_can_be_prolonged(tmp_path: Path) -> None:
    data = ist.open_data("digits")
    model = ist.recipe("vanilla", code=4).build(data)
    ist.fit(model, data, epochs=1, out=tmp_path / "run", progress=False)
    with pytest.warns(Remark, match="there is nothing left to do"):
        ist.resume(tmp_path / "run", progress=False)
    prolonged = ist.resume(tmp_path / "run", epochs=3, progress=False)
    straight = ist.fit(ist.recipe("vanilla", code=4).build(data), data, epochs=3, progress=False)
    assert [row["loss"] for row in prolonged.history] == [row["loss"] for row in straight.history]
    assert torch.equal(prolonged.encode(data.test), straight.encode(data.test))


def test_folder_without_a_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="contains no model"):
        ist.resume(tmp_path)
    with pytest.raises(RunError, match="There is no folder"):
        ist.resume(tmp_path / "nowhere")
