"""Runs to be used, trained once on the bundled digits; not to be changed."""

from typing import Any

import pytest

import isthmus as ist

HOW: dict[str, Any] = {"epochs": 20, "batch_size": 64, "learning_rate": 3e-3, "progress": False, "compile": False}


@pytest.fixture(scope="session")
def vae() -> ist.Run:
    """Six numbers for a digit of 8 × 8."""
    data = ist.open_data("digits")
    return ist.fit(ist.recipe("vae", code=6).build(data), data, **HOW)


@pytest.fixture(scope="session")
def barely():
    """A run of a recipe after one epoch on data: `barely("deep", data, code=4)`."""

    def train(name, data, **options):
        how: dict[str, Any] = HOW | {"epochs": 1}
        return ist.fit(ist.recipe(name, **options).build(data, remarks=False), data, **how)

    return train
