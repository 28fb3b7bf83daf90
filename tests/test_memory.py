"""What memory does not hold is refused in one line."""

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import DataError, UseError
from isthmus.memory import within_memory

ROWS = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    data = ist.open_data(ROWS)
    return ist.fit(ist.recipe("deep", code=2).build(data), data, epochs=1, progress=False, compile=False)


@pytest.mark.parametrize("code", [2**31, 2**40, 10**30])
def test_model_that_is_larger_than_memory_is_refused_with_its_size(code):
    with pytest.raises(UseError, match=r"would need [\d,.]+ GB .*smaller code"):
        ist.recipe("deep", code=code).build((5,), remarks=False)


def test_draw_that_is_larger_than_memory_is_refused(run):
    with pytest.raises(UseError, match=r"would need [\d,.]+ GB .*Draw fewer"):
        ist.sample(run, 10**15, way="gaussian")


def test_more_steps_than_a_picture_has_room_for_are_refused(run):
    for use in (
        lambda: ist.traverse(run, ROWS[:1], steps=10**30),
        lambda: ist.blend(run, 0, 1, steps=10**30),
        lambda: ist.map_codes(run, across=10**30, way="code"),
    ):
        with pytest.raises(DataError, match="1,000"):
            use()


def test_memory_that_does_not_do_is_said_in_our_words():
    with pytest.raises(UseError, match=r"It does not fit into memory.*Wait\."), within_memory("It", "Wait."):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")


def test_pythons_own_types_are_counted_too():
    with within_memory("This", "Use less."):
        assert torch.ones((2, 3), dtype=bool).dtype == torch.bool  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_other_faults_stay_what_they_are():
    with pytest.raises(RuntimeError, match="other"), within_memory("It", "Wait."):
        raise RuntimeError("other")
