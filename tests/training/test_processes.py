"""Several processes that train one model: the step is that of one process, and what ends one ends all."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file, save_file

import isthmus as ist
from isthmus import version
from isthmus.errors import IsthmusError
from isthmus.training import checkpoint, processes
from isthmus.training.processes import Processes

sys.path.insert(0, str(Path(__file__).parents[1]))
from model.test_varieties import arrays, build, opened, pictures, small, weights_of
from training.ranks import ended, start, together

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="starts processes with all imported")

SETTINGS: dict[str, Any] = {
    "epochs": 1,
    "batch_size": 22,
    "seed": 2,
    "compile": False,
    "progress": False,
    "optimiser": "sgd",  # Adam makes whole steps of gradients that are 0 but for rounding
    "learning_rate": 2**-4,
    "clip": 1.0,  # the length of a step is the learning rate
}
"""Of 77 samples, so that the last batch has an odd number."""
VARIANTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "batch normalisation": ("deep", {"normalisation": "batch", "dropout": 0.2}, {}),
    "batch normalisation of pictures": ("conv", {"normalisation": "batch"}, {}),
    "bfloat16": ("deep", {}, {"precision": "bfloat16"}),
    "a capacity": ("vae", {"penalties": [ist.parts.Kl(capacity=4.0, capacity_epochs=1.0)]}, {}),
    "free bits": ("vae", {"penalties": [ist.parts.Kl(free_bits=0.1)]}, {}),
    "decorrelation": ("deep", {"penalties": [ist.parts.Decorrelation(weight=1.0)]}, {}),
    "stratified sampling": ("beta-tc-vae", {"sampling": "stratified"}, {}),
    "a covariance of means": ("dip-vae", {"of": "means"}, {}),
    "a rate": ("deep", {"penalties": [ist.parts.SparsityKl()], "code__activation": "sigmoid"}, {}),
    "momenta and a limit": ("vae", {}, {"optimiser": "adamw", "clip": 0.5, "warmup": 0.5, "learning_rate": 2**-9}),
    "a last batch of one sample": ("deep", {}, {"batch_size": 19}),
}


def fits():
    """Every recipe, and what matters to several processes besides: (name, model, data, settings)."""
    for name in ist.RECIPES:
        data = opened(ist.RECIPES[name].data)
        yield name, build(name, data), data, SETTINGS
    data = opened("any")
    for name, (recipe, options, settings) in VARIANTS.items():
        yield name, small(recipe, **options).build(data, remarks=False), data, SETTINGS | settings


def every_fit(folder: Path) -> None:
    """Train them all, and save the weights."""
    for name, model, data, settings in fits():
        run = ist.fit(model, data, **settings)
        if os.environ.get("RANK", "0") == "0":
            history = torch.tensor([[row["loss"], row["validation_loss"]] for row in run.history])
            weights = {name: value.contiguous() for name, value in weights_of(run.model).items()}
            save_file({**weights, "history": history}, folder / f"{name}.safetensors")


def test_two_processes_take_the_steps_of_one_with_the_same_batch_whatever_the_recipe(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    processes = start(every_fit, tmp_path / "two")
    every_fit(tmp_path / "one")
    assert ended(processes) == [0, 0]
    differ = {}
    for file in sorted((tmp_path / "one").iterdir()):
        ours, theirs = load_file(file), load_file(tmp_path / "two" / file.name)
        for name, value in ours.items():
            if value.is_floating_point() and not torch.allclose(value, theirs[name], rtol=1e-3, atol=1e-5):
                differ[f"{file.stem}: {name}"] = float((value - theirs[name]).abs().max())
    assert not differ


OPTIONS = {"widths": (16,), "dropout": 0.2, "normalisation": "batch", "code": 4}
LONG: dict[str, Any] = {"epochs": 6, "batch_size": 10, "seed": 3, "schedule": "cosine", "compile": False}


class Slowly(ist.Callback):
    """Says when training begins and makes a step take a while, so that a signal falls into the middle of things."""

    def __init__(self, folder: Path, silent: bool = False) -> None:
        self.sign, self.silent = folder / f"begun-{os.environ.get('RANK', '0')}", silent

    def train_begin(self, training: Any) -> None:
        self.sign.touch()

    def batch_end(self, training: Any) -> None:
        time.sleep(0.01)
        if self.silent and training.state.step == 3:
            os.kill(os.getpid(), signal.SIGSTOP)


def train(folder: Path, patch: str = "", slowly: bool = False) -> None:
    """Train, or go on if the launcher has started the process again; an error is left in a file."""
    rank = os.environ.get("RANK", "0")
    data = opened("any")
    if patch == "other data" and rank == "1":
        data = ist.open_data(arrays(pictures(seed=9)), seed=1)
    if patch == "another version" and rank == "1":
        version.VERSION = "0.0.1"
    if patch == "full disk":
        setattr(checkpoint, "save_tensors", full)  # noqa: B010
    if patch == "silent":
        processes.PATIENCE = 1.0
    model = small("deep", **{name: value for name, value in OPTIONS.items() if name != "code"}).build(data)
    try:
        callbacks = [Slowly(folder, patch == "silent" and rank == "1")] if slowly else []
        ist.fit(model, data, out=folder / "run", callbacks=callbacks, progress=False, **LONG)
    except IsthmusError as error:
        (folder / f"error-{rank}").write_text(f"{type(error).__name__}: {error}")
        raise SystemExit(1) from None


def full(path: Path, *_: Any) -> None:
    raise IsthmusError(f"{path} could not be written: no space left on device.")


def run_of(folder: Path) -> ist.Run:
    return ist.load(folder / "run")


def until(sign: Path, seconds: float = 60) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + seconds
    while not sign.exists():
        assert time.monotonic() < end, f"{sign.name} did not appear"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The weights of a training by two processes that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("unbroken")
    assert together(train, folder) == [0, 0]
    return weights_of(run_of(folder).model)


@pytest.mark.parametrize("lost", [(0,), pytest.param((1,), marks=pytest.mark.slow), (0, 1)])
def test_whichever_process_is_killed_all_end_and_started_again_they_end_with_the_same_bits(lost, unbroken, tmp_path):
    started = start(train, tmp_path, "", True)
    for rank in (0, 1):
        until(tmp_path / f"begun-{rank}")
    time.sleep(0.02 + 0.05 * sum(lost))
    for rank in lost:
        started[rank].kill()
    codes = ended(started, 60)
    assert all(code == (-signal.SIGKILL if rank in lost else 1) for rank, code in enumerate(codes)), codes
    for rank in {0, 1} - {*lost}:
        said = (tmp_path / f"error-{rank}").read_text()
        assert "can't reach the others" in said
        assert "Start all processes again" in said
    assert together(train, tmp_path, restarts=1) == [0, 0]
    run = run_of(tmp_path)
    assert run.status == "finished"
    for name, weight in weights_of(run.model).items():
        assert torch.equal(weight, unbroken[name]), name


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_signal_to_one_process_ends_all_after_the_same_step_and_another_number_of_them_goes_on(
    number, unbroken, tmp_path
):
    started = start(train, tmp_path, "", True)
    for rank in (0, 1):
        until(tmp_path / f"begun-{rank}")
    os.kill(started[1].pid, number)
    codes = ended(started, 60)
    assert codes == ([0, 0] if number == signal.SIGINT else [-signal.SIGTERM] * 2)
    assert run_of(tmp_path).status == "interrupted"
    assert together(train, tmp_path, size=3, restarts=1) == [0, 0, 0]
    for name, weight in weights_of(run_of(tmp_path).model).items():
        torch.testing.assert_close(weight, unbroken[name], rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("another version", "Process 1 has another version of Isthmus than process 0: 0.0.1 and"),
        ("other data", "Process 1 has another data than process 0"),
        ("full disk", "no space left on device"),
    ],
)
def test_what_one_process_can_not_go_on_with_ends_all_and_is_said_once(patch, said, tmp_path):
    assert together(train, tmp_path, patch) == [1, 1]
    assert said in (tmp_path / "error-0").read_text()
    other = (tmp_path / "error-1").read_text()
    assert other.startswith(("ElsewhereError", "LostProcessError"))
    assert not list(tmp_path.glob("run/*.safetensors"))


def test_a_process_that_does_not_answer_counts_as_lost(tmp_path):
    started = start(train, tmp_path, "silent", True)
    assert ended(started[:1], 60) == [1]
    assert "can't reach the others" in (tmp_path / "error-0").read_text()
    started[1].kill()
    assert ended(started) == [1, -signal.SIGKILL]


def test_torchrun_starts_the_command_again_when_a_process_is_lost_and_it_goes_on(tmp_path):
    words = ["train", "digits", "--recipe", "deep", "--set", "code=4", "--epochs", "12", "--batch-size", "32", "--out"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--max-restarts=1"]
    launcher += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST"):
        environment.pop(name, None)
    torchrun = subprocess.Popen(
        [*launcher, "-m", "isthmus", *words, str(tmp_path / "run")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(tmp_path / "run" / "history.json")
        psutil.Process(torchrun.pid).children()[-1].kill()
        out, said = torchrun.communicate(timeout=60)
    finally:
        torchrun.kill()
        torchrun.communicate()
    assert torchrun.returncode == 0, said
    assert out.count("explained_variance") == 1
    assert "Traceback" not in said
    run = ist.load(tmp_path / "run")
    data = ist.open_data("digits")
    model = ist.recipe("deep", code=4).build(data)
    alone = ist.fit(model, data, epochs=12, batch_size=32, progress=False, compile=False)
    assert run.status == "finished"
    assert run.history[-1]["loss"] == pytest.approx(alone.history[-1]["loss"], rel=0.02)


def test_only_train_and_resume_are_for_several_processes(tmp_path):
    environment = os.environ | {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    words = [sys.executable, "-m", "isthmus", "compare", "digits"]
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert "compare runs in one process" in said.stderr


def test_a_batch_is_cut_into_shares_that_differ_by_one_sample_at_most():
    shares = [Processes(rank, 3).share(11) for rank in range(3)]
    assert [(share.begin, share.end) for share in shares if share] == [(0, 4), (4, 8), (8, 11)]
    assert sum(share.weight for share in shares if share) == pytest.approx(1)
    assert Processes().share(11) is None


def test_a_batch_of_fewer_samples_than_processes_is_taken_whole_by_each():
    shares = [Processes(rank, 3).share(2) for rank in range(3)]
    assert [(share.begin, share.end, share.weight) for share in shares if share] == [(0, 2, 1 / 3)] * 3


def test_processes_that_were_started_again_do_not_meet_the_lost_ones():
    store = torch.distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    meetings: list[set[str]] = []
    for present in ((0, 1), (0, 1, 2), (0, 1, 2)):  # at first one is lost before it has come
        found: list[str] = []

        def come(rank: int, found: list[str] = found) -> None:
            with contextlib.suppress(TimeoutError):
                found.append(processes.meet(store, rank, 3, seconds=0.3 if len(meetings) == 0 else 10))

        threads = [threading.Thread(target=come, args=(rank,)) for rank in present]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        meetings.append({*found})
        assert len(found) in (0, 3)
    assert [len(names) for names in meetings] == [0, 1, 1]
    assert meetings[1] != meetings[2]
