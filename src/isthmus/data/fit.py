"""Fitting samples to a model: to the shape, the columns and the units of its training data."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from isthmus.data.blocks import Blocks
from isthmus.data.media.medium import medium_of
from isthmus.data.options import as_wanted
from isthmus.data.samples import Samples
from isthmus.data.series import lengthened
from isthmus.errors import DataError, remark, renamed
from isthmus.formatting import listed


def fit_to(samples: Samples, like: Mapping[str, Any], called: str) -> Samples:
    """Convert `samples` to the form of a model that was trained on data with the description `like`.

    A table's columns are put into the model's order. Shorter series get NaN after their end. Flat rows with as many
    numbers as a picture are treated as pictures, and pictures as rows, with a remark.

    Raises:
        DataError: columns are missing, or the shapes don't fit; the message names both shapes.
    """
    wanted = tuple(like["shape"])
    columns = tuple(like.get("columns") or ())
    if columns and samples.columns and samples.columns != columns:
        samples = _by_name(samples, columns, called)
    if samples.shape != wanted:
        samples = _reshaped(samples, wanted, like, called)
    check_units(samples, like, called)
    categories = tuple(map(tuple, like.get("categories") or ()))
    if categories and not samples.categories:
        _check_numbers(samples, categories, called)
    if samples.kind == "tokens" or like.get("kind") == "tokens":
        _check_tokens(samples, like, called)
    return replace(
        samples,
        kind=like.get("kind", samples.kind),
        columns=columns,
        categories=categories,
        medium=samples.medium or medium_of(like),
    )


def _check_tokens(samples: Samples, like: Mapping[str, Any], called: str) -> None:
    """Raise DataError unless both are tokens of the same vocabulary."""
    medium = medium_of(like)
    if medium is None or not medium.tokens:
        raise DataError(f"{called} has tokens, but the model was trained on {like.get('kind', 'numbers')}.")
    if samples.medium is not None and samples.medium != medium:
        raise DataError(f"{called} has another vocabulary than the model. Give the texts or notes themselves.")
    most = max((float(batch.max()) for batch in samples.batches(samples.at_a_time)), default=0)
    if most >= medium.tokens:
        raise DataError(
            f"{called} has the token {most:g}: expected whole numbers from 0 to {medium.tokens - 1}. "
            "Give the texts or notes themselves."
        )


def _check_numbers(samples: Samples, categories: tuple[tuple[str, ...], ...], called: str) -> None:
    """Raise DataError unless values without names are numbers of the categories that the model knows."""
    values = samples.tensor()
    for place, names in enumerate(categories):
        known = values[:, place][~values[:, place].isnan()]
        if names and not bool(((known >= 0) & (known < len(names)) & (known == known.round())).all()):
            raise DataError(
                f"{called} has other values in column {place} than the numbers of the model's {len(names)} categories "
                f"(0 to {len(names) - 1}). Give a table with the categories' names."
            )


def _by_name(samples: Samples, columns: tuple[str, ...], called: str) -> Samples:
    where = {name: position for position, name in enumerate(samples.columns)}
    missing = [name for name in columns if name not in where]
    if missing:
        shown = listed(list(map(repr, missing)))
        raise DataError(
            f"{called} lacks the column{'s' * (len(missing) > 1)} {shown}: expected the {len(columns)} columns of the "
            f"model's training data. {renamed(missing, samples.columns)}"
        )
    order = [where[name] for name in columns]
    ordered = samples.tensor().flatten(1)[:, order].view(len(samples), *samples.shape[:-1], len(order))
    categories = tuple(samples.categories[place] for place in order) if samples.categories else ()
    return replace(samples, values=ordered, rows=None, columns=columns, categories=categories)


def _reshaped(samples: Samples, wanted: tuple[int, ...], like: Mapping[str, Any], called: str) -> Samples:
    series = like.get("kind") == samples.kind == "series" and samples.shape[0] == wanted[0]
    if series and samples.shape[1] < wanted[1]:
        return replace(samples, values=lengthened(samples.tensor(), wanted[1]), rows=None, columns=())
    flat = 1 in (len(samples.shape), len(wanted))
    if flat and math.prod(samples.shape) == math.prod(wanted):
        remark(f"{called} has samples of shape {samples.shape}; they are reshaped to {wanted}, as the model expects.")
        if isinstance(values := samples.values, Blocks):
            values, samples = samples.tensor(), replace(samples, rows=None, layout=None)
        shaped: Tensor | np.ndarray = values.reshape(len(values), *wanted)
        return replace(samples, values=shaped, columns=())
    raise DataError(
        f"{called} has samples of shape {samples.shape}: expected {wanted}, as in the model's training. "
        f"{_advice(samples.shape, wanted, like)}"
    )


def _advice(shape: tuple[int, ...], wanted: tuple[int, ...], like: Mapping[str, Any]) -> str:
    if len(shape) == 3 and len(wanted) == 3 and like.get("kind", "pictures") == "pictures":
        if words := as_wanted([shape], wanted):
            return f"Give pictures of that shape: read files with {words}, or reshape arrays."
        return ""
    if like.get("kind") == "series" and shape[0] == wanted[0]:
        return f"Cut longer series, for example into pieces of {wanted[1]}."
    if shape == wanted[1:] or (len(shape) < len(wanted) and shape == wanted[-len(shape) :]):
        return "If this is one sample, add the axis of samples: x[None]."
    return "Give data of that shape, or train a model on these."


def check_units(samples: Samples, like: Mapping[str, Any], called: str) -> None:
    """Remark on pictures with values up to 1 for a model trained on bytes, and the reverse."""
    of_bytes = like.get("dtype") == "uint8"
    if like.get("depth") == 16 and samples.dtype == "uint8":
        remark(
            f"{called} has pictures of 8 bits for each value, but the model was trained on pictures of 16. To widen "
            "them, read files with depth=16, or multiply arrays by 257."
        )
        return
    if like.get("kind") != "pictures" or (of_bytes and samples.dtype == "uint8"):
        return
    some = next(samples.batches(256), None)
    if some is None or not some.numel():
        return
    top, learnt = float(some.nan_to_num().max()), _top(like)
    if of_bytes and top <= 1:
        remark(
            f"{called} has values up to {top:g}, but the model was trained on bytes of 0 to 255. "
            "If the values are already scaled, multiply them by 255."
        )
    elif not of_bytes and learnt is not None and learnt <= 1 < top / 2:
        remark(
            f"{called} has values up to {top:g}, but the model was trained on values up to {learnt:g}. "
            "If the values are bytes, divide them by 255."
        )


def _top(like: Mapping[str, Any]) -> float | None:
    """The largest raw value of a model's training pictures, if its scaling gives it."""
    scaling = like.get("scaling") or {}
    if not scaling.get("range"):
        return None
    shift, scale = (np.max(scaling.get(name, usual)) for name, usual in (("shift", 0.0), ("scale", 1.0)))
    return float(shift + scale * scaling["range"][1])
