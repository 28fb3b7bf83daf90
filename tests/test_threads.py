"""No more threads are used than the quota has cores, and the number is put back."""

from collections.abc import Iterator

import pytest
import torch

import isthmus as ist
from isthmus import threads
from isthmus.run import environment


@pytest.fixture(autouse=True)
def four(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "granted_cores", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_a_quota_limits_the_threads_within_the_block_and_a_remark_says_so() -> None:
    words = "may use 2 of the machine's cores.*2 threads instead of 4.*OMP_NUM_THREADS"
    with pytest.warns(ist.Remark, match=words), threads.shared_cores():
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 4


def test_the_number_is_recorded_with_the_run() -> None:
    assert environment()["threads"] == 2


def test_your_own_number_of_threads_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    with threads.shared_cores():
        assert torch.get_num_threads() == 4


def test_a_quota_above_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "granted_cores", lambda: 6)
    with threads.shared_cores():
        assert torch.get_num_threads() == 4


def test_trainings_evaluations_and_uses_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Seen(ist.Callback):
        def batch_end(self, training: object) -> None:
            seen.append(torch.get_num_threads())

    monkeypatch.setattr("isthmus.errors.warnings.warn", lambda *given, **words: None)
    data = ist.open_data(torch.rand(64, 6, generator=torch.Generator().manual_seed(0)).numpy(), kind="table")
    model = ist.recipe("vanilla", widths=[3000]).build(data)  # its steps are too large for one thread
    run = ist.fit(model, data, epochs=1, batch_size=512, compile=False, progress=False, callbacks=[Seen()])
    run.model.register_forward_hook(lambda *given: seen.append(torch.get_num_threads()))
    run.evaluate(data.test)
    ist.detect(run, data.test)
    assert max(seen) == 2  # a stream has workers of one thread each
