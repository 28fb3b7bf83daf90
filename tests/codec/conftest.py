"""Runs to compress with, trained briefly on the bundled digits; not to be changed."""

from typing import Any

import numpy as np
import pytest

import isthmus as ist

HOW: dict[str, Any] = {"epochs": 6, "batch_size": 128, "learning_rate": 3e-3, "progress": False, "compile": False}


@pytest.fixture(scope="session")
def digits() -> np.ndarray:
    """(1797, 8, 8) uint8, all digits."""
    return ist.open_data("digits", test=0, validation=0).train.tensor().numpy()[:, 0]


@pytest.fixture(scope="session")
def black_and_white(digits: np.ndarray) -> np.ndarray:
    """The digits with two values, 0 and 255."""
    return np.where(digits > 127, 255, 0).astype(np.uint8)


@pytest.fixture(scope="session")
def trained():
    """A run by recipe, data and options: `trained("vae", digits, code=6)`; each is trained once."""
    made: dict[Any, ist.Run] = {}

    def run(name: str, values: Any, **options: Any) -> ist.Run:
        key = name, id(values), str(options)
        if key not in made:
            data = ist.open_data(values)
            made[key] = ist.fit(ist.recipe(name, **options).build(data, remarks=False), data, **HOW)
        return made[key]

    return run


@pytest.fixture(scope="session")
def deep(trained, digits: np.ndarray) -> ist.Run:
    """A model without a likelihood."""
    return trained("deep", digits, code=6, widths=(32,))


@pytest.fixture(scope="session")
def vae(trained, black_and_white: np.ndarray) -> ist.Run:
    """A model with a likelihood of two values."""
    return trained("vae", black_and_white, code=4, widths=(64,))
