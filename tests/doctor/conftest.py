"""Patients: models made sick on purpose and healthy ones, each trained once."""

from functools import cache

import pytest
from benchmarks.proofs.patients import SICK, healthy


@pytest.fixture(scope="session")
def patients():
    """The benchmarks' own patients, trained when they are first asked for: `patients("copying")`."""

    @cache
    def train(name):
        return SICK[name](0) if name in SICK else healthy(name, 0)

    return train
