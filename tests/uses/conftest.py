"""Runs to be used, trained once on the bundled digits; not to be changed."""

from typing import Any

import numpy as np
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


@pytest.fixture(scope="session")
def digits():
    """Principal components of all digits but the nines, the run's test part, and the nines."""
    whole = ist.open_data("digits", test=0, validation=0).train
    assert whole.labels is not None
    known, nines = whole.take((whole.labels != 9).nonzero()[:, 0]), whole.take((whole.labels == 9).nonzero()[:, 0])
    data = ist.open_data(known)
    return ist.fit(ist.recipe("pca", code=24).build(data), data, progress=False), nines


@pytest.fixture(scope="session")
def table():
    """A run on a table of five columns that hang together, and what it is drawn from."""
    generator = np.random.default_rng(0)
    inner, mixing = generator.normal(size=(800, 2)), generator.normal(size=(2, 5))
    values = inner @ mixing + 0.05 * generator.normal(size=(800, 5))
    data = ist.open_data(values.astype(np.float32))
    return ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False), values.astype(np.float32)


@pytest.fixture(scope="session")
def mixed():
    """A model after one epoch of a table with numbers, categories, dates and missing cells; and 600 rows like it."""
    import pandas as pd

    def rows(count, seed):
        random = np.random.default_rng(seed)
        inner = random.normal(size=count)
        return pd.DataFrame({
            "a": inner + 0.1 * random.normal(size=count),
            "b": np.where(random.random(count) < 0.05, np.nan, 20 + 3 * inner + random.normal(size=count)),
            "city": random.choice(["Bern", "Oslo", "Rome"], count, p=[0.1, 0.3, 0.6]),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 360, count), unit="D"),
        })  # fmt: skip

    data = ist.open_data(rows(1000, 0), missing="keep")
    model = ist.recipe("table", code=2).build(data, remarks=False)
    how: dict[str, Any] = HOW | {"epochs": 1}
    return ist.fit(model, data, **how), rows(600, 1)
