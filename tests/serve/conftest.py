"""Runs to be served, trained once; not to be changed."""

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import isthmus as ist
from isthmus.serve import Limits, make_app

HOW = {"epochs": 1, "progress": False, "compile": False}
HERE = "http://127.0.0.1"
PATIENT = Limits(seconds=600)
"""However busy the machine is."""


def frame(count=300, seed=0):
    """Rows with numbers, categories, dates and missing cells."""
    random = np.random.default_rng(seed)
    inner = random.normal(size=count)
    made = pd.DataFrame(
        {
            "a": inner + 0.1 * random.normal(size=count),
            "b": np.where(random.random(count) < 0.1, np.nan, inner),
            "colour": np.where(inner > 0, "red", "blue"),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, count), "D"),
        }
    )
    made.loc[3, "b"] = np.nan
    return made


def rows_of(table):
    """The rows of a frame as JSON data."""
    cells = table.astype(object).where(table.notna(), None)
    return [{**row, "when": row["when"].isoformat()} for row in cells.to_dict("records")]


@pytest.fixture(scope="session")
def run():
    """A model of a table."""
    data = ist.open_data(frame(), missing="keep")
    return ist.fit(ist.recipe("table").build(data, remarks=False), data, **HOW)


@pytest.fixture(scope="session")
def rows():
    return rows_of(frame(8, seed=1))


@pytest.fixture(scope="session")
def denoiser():
    """A model that restores grey pictures of 8 × 8."""
    data = ist.open_data(ist.open_data("digits").train.take(list(range(200))))
    return ist.fit(ist.recipe("denoise", code=4, channels=[4, 4], blocks=1).build(data, remarks=False), data, **HOW)


@pytest.fixture(scope="session")
def client(run):
    """Requests to a server of the table."""
    with TestClient(make_app(run, limits=PATIENT), base_url=HERE, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="session")
def pictures(denoiser):
    """Requests to a server of the pictures."""
    with TestClient(make_app(denoiser, limits=PATIENT), base_url=HERE, raise_server_exceptions=False) as made:
        yield made
