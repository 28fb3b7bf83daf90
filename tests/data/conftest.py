"""What the tests of data share."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pictures() -> np.ndarray:
    """(12, 3, 6, 5) random bytes."""
    return np.random.default_rng(0).integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)


@pytest.fixture
def table() -> np.ndarray:
    """(40, 4) float32, standard normal."""
    return np.random.default_rng(1).normal(size=(40, 4)).astype(np.float32)


@pytest.fixture
def real_data() -> Path:
    """The folder of real data sets, where there is one."""
    folder = Path(os.environ.get("ISTHMUS_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "mnist.npz").is_file():
        pytest.skip("the real data sets are not here")
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
