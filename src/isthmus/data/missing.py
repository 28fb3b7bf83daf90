"""Missing values: NaN and infinite values are reported, dropped, filled or kept. A series' end isn't one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data.blocks import Blocks
from isthmus.data.media import Recording
from isthmus.data.samples import Samples
from isthmus.data.series import ended
from isthmus.errors import DataError, remark
from isthmus.formatting import listed


class NothingLeftError(DataError):
    """Every sample had missing numbers and was dropped."""


def check_finite(samples: Samples, called: str) -> None:
    """Check that every value is finite.

    Raises:
        DataError: some are not; the message names the columns, or the samples if there are no columns.
    """
    bad = _bad(samples)
    if not len(bad):
        return
    where = _columns(samples, bad) if samples.kind == "table" else _samples(samples, bad) + _channels(samples, bad)
    infinite = len(_rows(samples, lambda batch: batch.isinf().flatten(1).any(1)))
    what = "infinite" if infinite == len(bad) else "NaN or infinite"
    ways = "missing='drop' to leave those samples out, 'fill' to fill in means"
    raise DataError(
        f"{called} has {what} values in {len(bad)} of {len(samples)} samples ({where}): expected finite numbers. "
        + (
            f"Correct them, or set {ways}."
            if infinite
            else f"Set {ways}, or 'keep' for a model that gets a mask of them."
        )
    )


def check_known(samples: Samples, called: str, *, some: bool = True) -> None:
    """Check that no value is infinite and, if `some`, that each sample has a known value.

    Raises:
        DataError: some samples don't pass; the message names them.
    """
    infinite = _rows(samples, lambda batch: batch.isinf().flatten(1).any(1))
    unknown = _rows(samples, lambda batch: batch.isnan().flatten(1).all(1)) if some else infinite[:0]
    for what, rows in (("infinite values", infinite), ("no known value", unknown)):
        if len(rows):
            where = _samples(samples, rows)
            if rows is infinite and samples.kind == "table":
                where += f", {_columns(samples, rows, torch.isinf)}"
            raise DataError(
                f"{called} has {len(rows)} of {len(samples)} samples with {what} ({where}): "
                "expected numbers, with NaN for missing ones. Set missing='drop' to leave those samples out."
            )


def check_whole(samples: Samples) -> None:
    """Check that no number is missing, not even after a series' end.

    Raises:
        DataError: some are missing.
    """
    rows = _rows(samples, lambda batch: batch.isnan().flatten(1).any(1))
    if len(rows):
        raise DataError(
            f"{len(rows)} of {len(samples)} samples have missing numbers ({_samples(samples, rows)}), but this model "
            "was built for complete samples. Set missing='mask' in its blueprint, or fill the numbers (missing='fill')."
        )


def holed(samples: Samples) -> int:
    """How many samples have missing numbers, including those after their end."""
    return len(_rows(samples, lambda batch: batch.isnan().flatten(1).any(1)))


def drop_missing(samples: Samples, called: str) -> Samples:
    """The samples whose values are all finite; a remark gives the number of the others.

    Raises:
        NothingLeftError: none are left.
    """
    bad = _bad(samples)
    if not len(bad):
        return samples
    if len(bad) == len(samples):
        raise NothingLeftError(
            f"{called} has NaN or infinite values in every sample, so no sample is left. Try missing='fill'."
        )
    remark(f"{len(bad)} of {len(samples)} samples have NaN or infinite values and are left out.")
    return samples.take(np.setdiff1d(np.arange(len(samples)), bad))


def learn_fill(train: Samples, called: str) -> Any:
    """The fill value: the mean of the finite values, one per column for tables and channel for series, else one number.

    For a column of categories, it is the most frequent one.

    Raises:
        DataError: a column has no finite value at all.
    """
    shape = {"table": train.shape, "series": train.shape[:1]}.get(train.kind, ())
    total, count = np.zeros(shape), np.zeros(shape)
    centre: Any = 0
    if train.dtype == "float64":  # sums about it cost no digits
        centre = np.nan_to_num(train.batch(torch.zeros(1, dtype=torch.int64)).numpy()[0], posinf=0, neginf=0)
        centre = {"table": centre, "series": centre[..., 0]}.get(train.kind, centre.flat[0])
    frequent = {place: np.zeros(len(names), np.int64) for place, names in enumerate(train.categories) if names}
    for batch in train.batches(train.at_a_time):
        rows = batch.numpy()
        for place, seen in frequent.items():
            numbers = rows[np.isfinite(rows[:, place]), place].astype(np.int64)
            frequent[place] = seen + np.bincount(numbers, minlength=len(seen))[: len(seen)]
        rows = rows.reshape(-1) if not shape else np.moveaxis(rows, 1, -1).reshape(-1, *shape)
        finite = np.isfinite(rows)
        total += np.where(finite, rows - centre, 0).sum(0, dtype=np.float64)
        count += finite.sum(0)
    if (count == 0).any():
        empty = [_column(train, int(i)) for i in np.flatnonzero(count == 0)]
        raise DataError(
            f"{called} has no finite value in the training part's "
            f"{'channel' if train.kind == 'series' else 'column'}{'s' * (len(empty) > 1)} {listed(empty)}: it has no "
            "mean to fill in. Leave it out with exclude=."
        )
    means = total / count + centre
    for place, seen in frequent.items():
        means[place] = int(seen.argmax())
    return means.tolist()


def fill_missing(samples: Samples, fill: Any) -> Samples:
    """The samples with `fill` (see `learn_fill`) instead of values that are not finite.

    Mapped values are loaded; streamed ones are filled when they are read.
    """
    if not len(_bad(samples)):
        return samples
    if isinstance(samples.values, Blocks):
        means = np.asarray(fill, samples.values.dtype)
        return replace(
            samples, values=samples.values.changed(lambda values: np.where(_fine_numbers(values), values, means))
        )
    values = samples.tensor()
    means = torch.tensor(fill, dtype=values.dtype)
    if samples.kind == "series" and means.ndim:
        means = means[:, None]
    return replace(samples, values=torch.where(_fine(values, samples.kind), values, means), rows=None)


def _bad(samples: Samples) -> np.ndarray:
    """The row numbers of samples with a value that is not finite."""
    return _rows(samples, lambda batch: ~_fine(batch, samples.kind).flatten(1).all(1))


def _fine(values: Tensor, kind: str) -> Tensor:
    """True where values are finite as float32, or a series has ended."""
    finite = torch.isfinite(values.float())
    return finite | ended(values) if kind == "series" and values.ndim == 3 else finite


def _fine_numbers(values: np.ndarray) -> np.ndarray:
    """True where the values of a table are finite as float32."""
    with np.errstate(over="ignore"):
        return np.isfinite(values.astype(np.float32))


def _rows(samples: Samples, are: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Row numbers of the samples for which `are` (n, *shape) -> (n,) is true; only non-finite samples are tested."""
    whole = isinstance(samples.values, np.ndarray) and samples.values.dtype.kind in "biu"
    if samples.dtype == "uint8" or whole or (isinstance(samples.values, Blocks) and samples.values.finite):
        return np.empty(0, dtype=np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = [
            i * samples.at_a_time + np.flatnonzero(are(batch).numpy())
            for i, batch in enumerate(map(Tensor.float, samples.batches(samples.at_a_time)))
            if not np.isfinite(batch.numpy().sum())  # a finite sum has finite parts only, and is quicker told
        ]
    return np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)


def _samples(samples: Samples, rows: np.ndarray) -> str:
    return "sample" + "s" * (len(rows) > 1) + " " + listed([_name(samples, int(row)) for row in rows])


def _columns(
    samples: Samples, bad: np.ndarray, wrong: Callable[[Tensor], Tensor] = lambda values: ~values.isfinite()
) -> str:
    """The columns in which some of these rows are wrong."""
    values = samples.batch(torch.from_numpy(bad[: samples.at_a_time]))
    columns = wrong(values.float()).any(0).nonzero().flatten().tolist()
    return f"column{'s' * (len(columns) > 1)} {listed([_column(samples, i) for i in columns])}"


def _channels(samples: Samples, bad: np.ndarray) -> str:
    """The channels of recordings with a value that is not finite in some of these samples; "" for other samples."""
    if not isinstance(samples.medium, Recording):
        return ""
    values = samples.batch(torch.from_numpy(bad[: samples.at_a_time]))
    channels = (~torch.isfinite(values.float())).any(2).any(0).nonzero().flatten().tolist()
    return f", channel{'s' * (len(channels) > 1)} {listed([_column(samples, i) for i in channels])}"


def _column(samples: Samples, index: int) -> str:
    if isinstance(samples.medium, Recording) and samples.medium.channels:
        return repr(samples.medium.channels[index])
    return repr(samples.columns[index]) if samples.columns else str(index)


def _name(samples: Samples, index: int) -> str:
    return repr(samples.names[index]) if samples.names else str(index)
