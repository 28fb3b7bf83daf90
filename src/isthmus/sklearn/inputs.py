"""Inputs: X as an estimator takes it, checked by scikit-learn's rules; and the layout of its samples."""

import datetime
import decimal
import importlib
import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import validate_data

from isthmus.data.arrays import is_sparse
from isthmus.data.containers import is_table
from isthmus.data.samples import Samples

CELLS = (str, bytes, numbers.Number, np.generic, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta)
"""What a cell of a table can be."""
PIECE = 2**22
"""Numbers of a sparse matrix that are dense at a time."""


def checked(estimator: Any, X: Any, *, reset: bool, least: int = 1) -> Any:
    """X as a data frame, an array or a sparse matrix, after scikit-learn's checks.

    Missing values are accepted. Feature names and their number are noted if `reset`, and otherwise compared. Arrays of
    more than two axes are pictures or series; their `n_features_in_` is the number of values in a sample.

    least: the least number of rows.

    Raises:
        ValueError, TypeError: X isn't valid input.
    """
    mixed: Any = X if is_table(X) else _as_mixed(X)
    if mixed is not None:
        X = validate_data(estimator, mixed, reset=reset, skip_check_array=True)
        _check_size(estimator, X, least)
        _forget_shape(estimator, reset)
        return _named(X) if isinstance(X, np.ndarray) else X
    array: Any = X if hasattr(X, "shape") else np.asarray(X) if _depth(X) > 2 else X
    if not reset and len(getattr(array, "shape", ())) == 2 and hasattr(estimator, "sample_shape_"):
        array = _unflattened(array, estimator.sample_shape_)
    if len(getattr(array, "shape", ())) > 2:
        return _checked_samples(estimator, np.asarray(array), reset=reset, least=least)
    _forget_shape(estimator, reset)
    return validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse=("csr", "csc", "coo"),
        ensure_all_finite="allow-nan",
        ensure_min_samples=least,
    )


def pieces(X: Any) -> Iterator[Any]:
    """X a part at a time: a sparse matrix by rows, so that only a part is dense at once; anything else as a whole."""
    if not is_sparse(X):
        yield X
        return
    X = X.tocsr()
    rows = max(1, PIECE // X.shape[1])
    for start in range(0, X.shape[0], rows):
        yield X[start : start + rows]


def as_given(X: Any) -> np.dtype:
    """The type of results: float32 for an X of float32, float64 for any other."""
    return np.dtype(np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64)


def channels_last(X: np.ndarray, samples: Samples) -> bool:
    """Whether (N, height, width, channels) X were read as samples of (channels, height, width)."""
    if X.ndim != 4 or samples.shape != (X.shape[3], *X.shape[1:3]):
        return False
    first = samples.batch(torch.zeros(1, dtype=torch.int64))[0].numpy()
    return np.allclose(np.moveaxis(X[0], -1, 0), first, equal_nan=True)


def laid_out(values: np.ndarray, shape: tuple[int, ...], *, last: bool) -> np.ndarray:
    """(N, *shape) of (N, ...) samples. last: see `channels_last`."""
    return (np.moveaxis(values, 1, -1) if last else values).reshape(len(values), *shape)


def _named(X: np.ndarray) -> Any:
    """(N, columns) cells as an Arrow table with the columns x0, x1, …."""
    table = importlib.import_module("isthmus.data.arrow_tables").of_objects(X)
    return table.rename_columns([f"x{place}" for place in range(X.shape[1])])


def _forget_shape(estimator: Any, reset: bool) -> None:
    if reset and hasattr(estimator, "sample_shape_"):
        del estimator.sample_shape_


def _check_size(estimator: Any, X: Any, least: int) -> None:
    rows, columns = len(X), np.shape(X)[1] if hasattr(X, "shape") else len(X.columns)
    for count, name, needed in ((rows, "sample", least), (columns, "feature", 1)):
        if count < needed:
            raise ValueError(
                f"Found array with {count} {name}(s) (shape={rows, columns}) while a minimum of {needed} is required "
                f"by {type(estimator).__name__}."
            )


def _checked_samples(estimator: Any, X: np.ndarray, *, reset: bool, least: int) -> np.ndarray:
    """(N, ...) pictures or series."""
    if X.dtype.kind not in "biuf":
        raise ValueError(f"An array of shape {X.shape} has the type {X.dtype}: expected numbers.")
    if len(X) < least:
        raise ValueError(
            f"Found array with {len(X)} sample(s) (shape={X.shape}) while a minimum of {least} is required "
            f"by {type(estimator).__name__}."
        )
    size = int(np.prod(X.shape[1:]))
    if reset:
        estimator.n_features_in_ = size
        estimator.sample_shape_ = X.shape[1:]
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif X.shape[1:] != getattr(estimator, "sample_shape_", (size,)) or size != estimator.n_features_in_:
        raise ValueError(
            f"X has samples of shape {X.shape[1:]}, but {type(estimator).__name__} is expecting samples of shape "
            f"{getattr(estimator, 'sample_shape_', (estimator.n_features_in_,))} as input."
        )
    return X


def _unflattened(X: Any, shape: tuple[int, ...]) -> Any:
    """(N, *shape) samples from rows of as many numbers; other rows as they are."""
    return np.asarray(X).reshape(-1, *shape) if X.shape[1] == int(np.prod(shape)) and not is_sparse(X) else X


def _as_mixed(X: Any) -> np.ndarray | None:
    """(N, columns) X as an array of cells, if they are not all numbers, so that it is read as a table; otherwise None.

    Cells that belong into no table are left to scikit-learn, which raises an error.
    """
    if isinstance(X, list | tuple) and _depth(X) == 2 and any(isinstance(cell, str) for row in X for cell in row):
        X = np.asarray(X, dtype=object)
    if not isinstance(X, np.ndarray) or X.ndim != 2 or X.dtype.kind not in "OUS":
        return None
    try:
        X.astype(np.float64)
    except (TypeError, ValueError):
        fits = all(cell is None or isinstance(cell, CELLS) or _is_missing(cell) for cell in X.flat)
        return X if fits else None
    return None


def _is_missing(cell: Any) -> bool:
    """Whether a cell is pandas' sign for a missing value."""
    return type(cell).__module__.startswith("pandas.") and type(cell).__name__ in ("NAType", "NaTType")


def _depth(X: Any) -> int:
    """How deep lists are nested."""
    depth = 0
    while isinstance(X, list | tuple) and len(X):
        depth, X = depth + 1, X[0]
    return depth + (np.ndim(X) if depth and isinstance(X, np.ndarray) else 0)
