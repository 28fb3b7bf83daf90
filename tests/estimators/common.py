"""What the tests of the estimators share."""

from typing import Any

import numpy as np
import pandas as pd

from isthmus.sklearn import (
    AutoencoderDenoiser,
    AutoencoderDensity,
    AutoencoderDetector,
    AutoencoderImputer,
    AutoencoderTransformer,
)

SMALL: dict[str, Any] = {"epochs": 2, "batch_size": 32, "widths": (8,), "code": 2}
ALL: tuple[Any, ...] = (
    AutoencoderTransformer,
    AutoencoderDetector,
    AutoencoderImputer,
    AutoencoderDensity,
    AutoencoderDenoiser,
)


def numbers(rows: int = 60, columns: int = 4) -> np.ndarray:
    """Correlated columns of numbers."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 2)) @ rng.normal(size=(2, columns)) + 0.1 * rng.normal(size=(rows, columns))


def messy(rows: int = 60) -> pd.DataFrame:
    """A table of every type of column, with missing values, and an index of its own."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, rows),
            "city": rng.choice(["Bonn", "Oslo", "Rome"], rows),
            "kind": pd.Categorical(rng.choice(["a", "b"], rows)),
            "day": pd.date_range("2024-01-01", periods=rows, freq="7h"),
            "paid": rng.random(rows) < 0.5,
            "visits": pd.array(rng.integers(0, 9, rows), dtype="Int64"),
            "member": pd.array(rng.random(rows) < 0.5, dtype="boolean"),
        },
        index=[f"row {number}" for number in range(rows)],
    )
    for place, column in enumerate(["age", "city", "kind", "visits", "member"]):
        frame.loc[f"row {place}", column] = pd.NA if column in ("visits", "member") else None
    return frame


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal, exactly."""
    if hasattr(one, "equals"):
        return one.equals(other)
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def use(estimator: Any, X: Any) -> Any:
    """The main result of an estimator on X."""
    name = "transform" if hasattr(estimator, "transform") else "score_samples"
    return getattr(estimator, name)(X)
