"""Runs to export, trained for one epoch on tiny data; not to be changed."""

import functools
from typing import Any

import numpy as np
import pytest

import isthmus as ist
from model.test_varieties import build, fit, opened

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="session", autouse=True)
def quick(operations_read_once):
    """Exports take less time."""


@pytest.fixture(scope="session")
def trained():
    """The run of a recipe on the tiny data of its kind: `trained("deep")`."""

    @functools.cache
    def train(name: str) -> ist.Run:
        data = opened(ist.RECIPES[name].data)
        return fit(build(name, data), data, epochs=1)

    return train


@pytest.fixture(scope="session")
def result():
    """What onnxruntime makes of an ONNX file and its inputs by name."""

    def run(path: Any, **inputs: np.ndarray) -> Any:
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return session.run(None, inputs)[0]

    return run
