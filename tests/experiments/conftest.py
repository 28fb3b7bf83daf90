"""Tiny data on disk, that other processes can open, and settings that train in no time."""

import numpy as np
import pytest

import isthmus as ist


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    """240 rows of 12 columns that vary in 3 directions, and a little noise."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(size=(240, 3)) * (3, 2, 1.5)
    rows = hidden @ generator.normal(size=(3, 12)) + 0.05 * generator.normal(size=(240, 12))
    path = tmp_path_factory.mktemp("data") / "three.npy"
    np.save(path, rows.astype(np.float32))
    return path


@pytest.fixture(scope="session")
def data(file):
    return ist.open_data(file)


@pytest.fixture
def quick():
    return {"epochs": 2, "compile": False, "learning_rate": 1e-2}
