"""Threads sleep instead of spinning exactly while others use the cores."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from isthmus import waiting


class Machine:
    """A machine whose threads waited for a core for the shares in `shares`, one for each look."""

    def __init__(self, shares: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
        self.shares, self.waited, self.seconds = iter(shares), 0.0, 0.0
        self.slept: list[bool] = []
        self.sleeping, self.loaded = False, ["libgomp.so"]
        self.seen = threading.Event()
        monkeypatch.setattr(waiting, "_waits", self.waits)
        monkeypatch.setattr(waiting, "_more_threads_than_cores", self.sleep)
        monkeypatch.setattr(waiting, "_loaded", lambda: self.loaded)
        monkeypatch.setattr("isthmus.waiting.time.perf_counter", lambda: self.seconds)
        for name in waiting.CHOSEN:
            monkeypatch.delenv(name, raising=False)

    def waits(self) -> dict[str, int]:
        self.slept.append(self.sleeping)
        share = next(self.shares, None)
        if share is None:
            self.seen.set()
        self.seconds += 1
        self.waited += share or 0
        return {"1": int(1e9 * self.waited), "2": 0}

    @contextlib.contextmanager
    def sleep(self, files: list[str]) -> Iterator[list[str]]:
        self.sleeping = bool(files)
        yield files
        self.sleeping = False


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_LOOK", 0.001)
    monkeypatch.setattr(waiting, "LAST_LOOK", 0.001)


def test_threads_sleep_while_the_machine_is_busy_and_spin_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    # the first two are for the look before the threads are watched and the first one of the watch
    machine = Machine([0, 0, 0.01, 0.6, 0.05, 0.01, 0.01], monkeypatch)
    with waiting.considerate():
        assert machine.seen.wait(60)
    assert machine.slept[:7] == [False, False, False, False, True, True, False]


def test_threads_of_a_library_that_is_loaded_on_a_busy_machine_sleep_too(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine([0, 0, 0.6, 0.6, 0.6, 0.6], monkeypatch)
    machine.loaded = []
    monkeypatch.setattr(waiting, "_loaded", lambda: machine.loaded if len(machine.slept) < 4 else ["libgomp.so"])
    with waiting.considerate():
        assert machine.seen.wait(60)
    assert machine.slept[:6] == [False, False, False, False, True, True]


def test_threads_spin_when_the_block_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine([0, 0, 0.6], monkeypatch)
    monkeypatch.setattr(waiting, "QUIET", -1)
    with waiting.considerate():
        assert machine.seen.wait(60)
        assert machine.sleeping
    assert not machine.sleeping


def test_a_block_within_another_starts_no_second_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine([0], monkeypatch)
    with waiting.considerate():
        count = threading.active_count()
        with waiting.considerate():
            assert threading.active_count() == count
        assert threading.active_count() == count
    assert threading.active_count() == count - 1


@pytest.mark.parametrize("name", waiting.CHOSEN)
def test_your_own_choice_is_respected(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    Machine([0], monkeypatch)
    monkeypatch.setenv(name, "1000")
    count = threading.active_count()
    with waiting.considerate():
        assert threading.active_count() == count


def test_where_the_system_does_not_count_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in waiting.CHOSEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(waiting, "_TASKS", Path("/there/is/no/such/folder"))
    count = threading.active_count()
    with waiting.considerate():
        assert threading.active_count() == count


@pytest.mark.skipif(not waiting._loaded(), reason="PyTorch has another OpenMP here")
def test_openmp_has_more_threads_than_cores_only_within_the_block() -> None:
    torch.ones(2, 2).mm(torch.ones(2, 2))
    before = len(list(waiting._TASKS.iterdir()))
    with waiting._more_threads_than_cores(waiting._loaded()) as served:
        assert served
        assert len(list(waiting._TASKS.iterdir())) >= before + 2  # a Python thread and at least one of OpenMP
