"""Labels: classes of any type become int64 and the names of the classes."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.errors import DataError, remark
from isthmus.plain import plain

NONE = "(none)"  # the class of samples without a label
MANY = 1000  # more different fractional numbers are a quantity, not classes


def encode_labels(given: Any, count: int, known: tuple[str, ...] = ()) -> tuple[Tensor | None, tuple[str, ...]]:
    """`(count,)` int64 labels and their names, sorted (numbers by size, the rest by letters).

    given: a sequence of numbers, strings, booleans or None. Values that can't be classes (several columns, or a
        quantity with very many different values) are ignored, with a remark.
    known: names whose numbers are fixed, from a model; new names come after them.

    Raises:
        DataError: there are not `count` labels.
    """
    array = label_array(given)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        remark(f"Labels of shape {array.shape} are ignored: expected ({count},). Give classes, such as y.argmax(1).")
        return None, ()
    if len(array) != count:
        raise DataError(f"{len(array)} labels for {count} samples: give one label for each sample.")
    if array.dtype.kind == "f":
        present = np.isfinite(array)
        if (array[present] == np.round(array[present])).all():
            array = np.where(present, array, 0).astype(np.int64).astype(object)
            array[~present] = None
        elif len(np.unique(array[present])) > MANY:
            remark(f"Labels with more than {MANY} different fractional values are a quantity, so they are ignored.")
            return None, ()
    values, inverse = _unique(array)
    names = tuple(NONE if value is None else plain(str(value)) for value in values)
    order = {name: index for index, name in enumerate(known)}
    for name in names:
        order.setdefault(name, len(order))
    numbers = np.array([order[name] for name in names], dtype=np.int64)
    return torch.from_numpy(numbers[inverse]), tuple(order)


def encode_factors(given: Any, count: int) -> Tensor:
    """`(count, K)` int64 values of K factors, from whole numbers `(count, K)` or `(count,)`.

    Raises:
        DataError: they have another shape, or aren't whole numbers.
    """
    array = given.detach().cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or len(array) != count or not array.shape[1]:
        raise DataError(f"Factors of shape {array.shape}: expected ({count}, K), a row for each sample, K ≥ 1.")
    if array.dtype.kind not in "biuf" or not np.array_equal(array, np.round(array)):
        raise DataError("The factors aren't all whole numbers: give the place of each value among the factor's values.")
    return torch.from_numpy(array.astype(np.int64))


def label_array(given: Any) -> np.ndarray:
    """Labels as an array: of their common type if they have one, else of objects."""
    if isinstance(given, Tensor):
        return given.detach().cpu().numpy()
    if not isinstance(given, list | tuple):
        return np.asarray(given)
    plain = len({type(value) for value in given}) <= 1
    return np.asarray(given) if plain else np.array([*given, None], dtype=object)[:-1]


def _unique(array: np.ndarray) -> tuple[list[Any], np.ndarray]:
    if array.dtype.kind != "O":
        values, inverse = np.unique(array, return_inverse=True)
        return values.tolist(), inverse
    given = [None if isinstance(value, float) and math.isnan(value) else value for value in array.tolist()]
    present = {value for value in given if value is not None}
    numeric = all(isinstance(value, int | float) for value in present)
    ordered: list[Any] = sorted(present, key=None if numeric else str)
    if None in given:
        ordered.append(None)
    index = {value: position for position, value in enumerate(ordered)}
    return ordered, np.fromiter((index[value] for value in given), np.int64, len(given))
