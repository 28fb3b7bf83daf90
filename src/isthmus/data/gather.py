"""Gathering: from a reader's raw values to samples, with axes, missing values and labels handled."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data.blocks import Blocks
from isthmus.data.labels import encode_factors, encode_labels, label_array
from isthmus.data.missing import check_finite, check_known, drop_missing
from isthmus.data.options import Options
from isthmus.data.precision import loses
from isthmus.data.raw import Raw, settle
from isthmus.data.samples import Samples, as_tensor
from isthmus.errors import DataError, remark


def gather(raw: Raw, options: Options, called: str, like: Mapping[str, Any] | None = None) -> dict[str, Samples]:
    """The parts of `raw` by name, "train" (everything that is not another part) first.

    Missing values are dropped or refused, unless they are kept or filled later, when the training part is known.

    like: description of a model's data: values of its shape stay unchanged, and its labels keep their numbers.

    Raises:
        DataError: the values aren't samples, or the parts don't fit each other.
    """
    exact = None if like is None else tuple(like["shape"])
    kind = "series" if like is not None and like.get("kind") == "series" else None
    given = {name: replace(part, kind=part.kind or kind) for name, part in {"train": raw, **raw.parts}.items()}
    resolve = {name: settle(part, options, exact) for name, part in given.items()}
    shapes = {tuple(part.values.shape[1:]) for part in resolve.values()}
    if len(shapes) > 1:
        raise DataError(
            f"The parts of {called} have different shapes, {' and '.join(map(str, shapes))}: expected one shape. "
            "Reshape or resize them."
        )
    precise = _precise(resolve, like)
    labels, label_names = _labels(resolve, raw.label_names, tuple((like or {}).get("label_names") or ()))
    parts = {}
    for name, part in resolve.items():
        samples = Samples(
            _kept(part.values, precise=precise),
            labels.get(name),
            label_names,
            part.names,
            part.kind or "table",
            part.columns,
            part.categories,
            medium=part.medium,
            groups=None if part.groups is None else torch.as_tensor(part.groups, dtype=torch.int64),
            spans=None if part.spans is None else torch.as_tensor(part.spans, dtype=torch.int64),
            precise=precise,
            layout=part.layout,
            schema=part.schema,
            unused=None if like is None else part.unused,
            factors=None if part.factors is None else encode_factors(part.factors, len(part.values)),
            factor_names=part.factor_names,
        )
        if options.missing == "drop":
            samples = drop_missing(samples, called)
        elif options.missing == "error":
            check_finite(samples, called)
        if options.missing == "keep" or samples.kind == "series":
            check_known(samples, called, some=like is None or samples.kind == "series")
        parts[name] = samples
    return parts


def join(parts: Sequence[Samples]) -> Samples:
    """All samples of `parts`, one part after another."""
    if len(parts) == 1:
        return parts[0]
    labels = [part.labels for part in parts if part.labels is not None]
    if labels and len(labels) < len(parts):
        remark("Some parts have no labels, so the combined samples have none.")
    names = tuple(name for part in parts for name in part.names)
    factors = [part.factors for part in parts if part.factors is not None]
    return replace(
        parts[0],
        values=torch.cat([part.tensor() for part in parts]),
        labels=torch.cat(labels) if len(labels) == len(parts) else None,
        names=names if len(names) == sum(map(len, parts)) else (),
        rows=None,
        damaged=None,
        groups=None,
        spans=None,
        unused=_joined([part.unused for part in parts]),
        factors=torch.cat(factors) if len(factors) == len(parts) else None,
    )


def _precise(parts: Mapping[str, Raw], like: Mapping[str, Any] | None) -> bool:
    """Whether values stay float64: as a model's training data; or because float32 would lose something of a part."""
    if like is not None:
        return like.get("dtype") == "float64"
    return any(
        part.precise or loses(part.values, part.kind or "table", mapped=_is_elsewhere(part.values))
        for part in parts.values()
    )


def _joined(tables: Sequence[Any]) -> Any:
    """The rows of Arrow tables one after another; None if a table is missing or has other columns."""
    if any(table is None or table.schema != tables[0].schema for table in tables):
        return None
    return type(tables[0]).from_batches([batch for table in tables for batch in table.to_batches()], tables[0].schema)


def _kept(values: np.ndarray | Tensor, *, precise: bool) -> np.ndarray | Tensor | Blocks:
    """The values as `Samples` keeps them: those that aren't in memory unchanged, others as one contiguous tensor."""
    if isinstance(values, Blocks):
        return values
    if isinstance(values, Tensor):
        kind = torch.uint8 if values.dtype == torch.uint8 else torch.float64 if precise else torch.float32
        return values.to(kind).contiguous()
    return values if is_mapped(values) else as_tensor(values, precise=precise)


def _is_elsewhere(values: np.ndarray | Tensor) -> bool:
    """Whether values aren't in memory."""
    return isinstance(values, Blocks) or (isinstance(values, np.ndarray) and is_mapped(values))


def is_mapped(values: np.ndarray) -> bool:
    """Whether an array, or the one that it is a view of, is mapped from a file."""
    base: Any = values
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    return base is not None


def _labels(
    parts: dict[str, Raw], given_names: tuple[str, ...], known: tuple[str, ...]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Labels of all parts, numbered together.

    given_names: names of labels that are numbers already.
    known: names whose numbers are fixed.
    """
    arrays = {name: label_array(part.labels) for name, part in parts.items() if part.labels is not None}
    if not arrays:
        return {}, ()
    for name, array in arrays.items():
        if len(array) != len(parts[name].values):
            count = len(parts[name].values)
            raise DataError(f"{len(array)} labels for {count} samples ({name}): give one label for each sample.")
    if len({array.shape[1:] for array in arrays.values()}) > 1:
        raise DataError("The labels of the parts have different shapes: give one label for each sample.")
    together = np.concatenate(list(arrays.values()))
    if given_names:
        if together.min() < 0 or together.max() >= len(given_names):
            raise DataError(
                f"The labels run from {together.min()} to {together.max()}: expected 0 to {len(given_names) - 1}, one "
                "number for each name."
            )
        order = {name: number for number, name in enumerate(dict.fromkeys((*known, *given_names)))}
        numbers, names = (
            torch.tensor([order[name] for name in given_names])[together.astype(np.int64).ravel()],
            tuple(order),
        )
    else:
        numbers, names = encode_labels(together, len(together), known)
    if numbers is None:
        return {}, ()
    return dict(zip(arrays, numbers.split([len(array) for array in arrays.values()]), strict=True)), names
