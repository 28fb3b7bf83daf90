"""Patients: models made sick on purpose and healthy ones, each trained once."""

import importlib
import sys
from functools import cache
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def patients():
    """The benchmarks' own patients, trained when they are first asked for: `patients("copying")`."""
    folder = str(Path(__file__).parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        module = importlib.import_module("patients")
    finally:
        sys.path.remove(folder)

    @cache
    def train(name):
        return module.SICK[name](0) if name in module.SICK else module.healthy(name, 0)

    return train
