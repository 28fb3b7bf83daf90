"""A run of a table and one of pictures, and frames for them; not to be changed."""

import numpy as np
import pandas as pd
import pytest

import isthmus as ist

HOW = {"epochs": 1, "progress": False, "compile": False}


def frame(count=300, seed=0):
    """Rows with a key, numbers, categories, dates and missing cells."""
    random = np.random.default_rng(seed)
    inner = random.normal(size=count)
    made = pd.DataFrame(
        {
            "key": np.arange(count) + 100,
            "a": inner + 0.1 * random.normal(size=count),
            "b": np.where(random.random(count) < 0.1, np.nan, inner),
            "colour": np.where(inner > 0, "red", "blue"),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, count), "D"),
        }
    )
    made.loc[3, "b"] = np.nan
    return made


@pytest.fixture(scope="session")
def run():
    """A model of a table."""
    data = ist.open_data(frame().drop(columns="key"), missing="keep")
    return ist.fit(ist.recipe("table").build(data, remarks=False), data, **HOW)


@pytest.fixture(scope="session")
def digits():
    """A model of grey pictures of 8 × 8, by which one can compress, and some of the pictures."""
    data = ist.open_data(ist.open_data("digits").train.take(list(range(100))))
    return ist.fit(ist.recipe("vanilla", code=4).build(data, remarks=False), data, **HOW), data.train.take(range(6))


@pytest.fixture(scope="session")
def rows():
    """Rows that the run has not seen."""
    return frame(60, seed=1)
