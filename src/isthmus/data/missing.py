"""Missing values: NaN and infinite ones are found, named, dropped, filled in or kept; a series' end is none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.data.series import ended
from isthmus.errors import DataError, remark
from isthmus.formatting import listed


class NothingLeftError(DataError):
    """Every sample lacked numbers and was dropped."""


def check_finite(samples: Samples, called: str) -> None:
    """Pass where every value is finite.

    Raises:
        DataError: some are not; it names the columns, or the samples where there are no columns.
    """
    bad = _bad(samples)
    if not len(bad):
        return
    where = _columns(samples, bad) if samples.kind == "table" else _samples(samples, bad)
    raise DataError(
        f"{called} has NaN or infinite values in {len(bad)} of {len(samples)} samples ({where}): "
        "expected finite numbers. Say missing='drop' to leave those samples out, 'fill' to fill in means, or 'keep' "
        "for a model that is told which are missing."
    )


def check_known(samples: Samples, called: str) -> None:
    """Pass where no value is infinite and each sample has one that is known.

    Raises:
        DataError: some are; it names the samples.
    """
    wrong = {
        "infinite values": _rows(samples, lambda batch: batch.isinf().flatten(1).any(1)),
        "no value that is known": _rows(samples, lambda batch: batch.isnan().flatten(1).all(1)),
    }
    for what, rows in wrong.items():
        if len(rows):
            raise DataError(
                f"{called} has {len(rows)} of {len(samples)} samples with {what} ({_samples(samples, rows)}): "
                "expected numbers, or NaN where some are missing. Say missing='drop' to leave those samples out."
            )


def check_whole(samples: Samples) -> None:
    """Pass where no number is missing, be it after a series' end.

    Raises:
        DataError: some are.
    """
    rows = _rows(samples, lambda batch: batch.isnan().flatten(1).any(1))
    if len(rows):
        raise DataError(
            f"{len(rows)} of {len(samples)} samples lack numbers ({_samples(samples, rows)}), and this model was not "
            "built for that. Say missing='mask' in its blueprint, or fill them in (missing='fill')."
        )


def holed(samples: Samples) -> int:
    """How many samples lack numbers, be it after their end."""
    return len(_rows(samples, lambda batch: batch.isnan().flatten(1).any(1)))


def drop_missing(samples: Samples, called: str) -> Samples:
    """The samples whose values are all finite; a remark says how many are left out.

    Raises:
        NothingLeftError: none are left.
    """
    bad = _bad(samples)
    if not len(bad):
        return samples
    if len(bad) == len(samples):
        raise NothingLeftError(
            f"{called} has NaN or infinite values in every sample: nothing is left. Try missing='fill'."
        )
    remark(f"{len(bad)} of {len(samples)} samples have NaN or infinite values and are left out.")
    return samples.take(np.setdiff1d(np.arange(len(samples)), bad))


def learn_fill(train: Samples, called: str) -> Any:
    """What to fill in: the mean of the finite values, a list with one a column for tables, else one number.

    In a column of categories, the most frequent one.

    Raises:
        DataError: a column has no finite value at all.
    """
    shape = train.shape if train.kind == "table" else ()
    total, count = np.zeros(shape), np.zeros(shape)
    for batch in train.batches(train.at_a_time):
        rows = batch.numpy() if train.kind == "table" else batch.numpy().reshape(-1)
        finite = np.isfinite(rows)
        total += np.where(finite, rows, 0).sum(0, dtype=np.float64)
        count += finite.sum(0)
    if (count == 0).any():
        empty = [_column(train, int(i)) for i in np.flatnonzero(count == 0)]
        raise DataError(
            f"{called} has no finite value in the training part's column{'s' * (len(empty) > 1)} {listed(empty)}: "
            "there is no mean to fill in, and nothing to learn. Leave it out with exclude=."
        )
    means = total / count
    for place, names in enumerate(train.categories):
        if names:  # the most frequent one
            numbers = train.tensor()[:, place]
            means[place] = int(torch.bincount(numbers[numbers.isfinite()].long()).argmax())
    return means.tolist()


def fill_missing(samples: Samples, fill: Any) -> Samples:
    """The samples with `fill` (see `learn_fill`) in place of what is not finite. Mapped values come into memory."""
    if not len(_bad(samples)):
        return samples
    values = samples.tensor().float()
    return replace(samples, values=torch.where(_fine(values, samples.kind), values, torch.tensor(fill)), rows=None)


def _bad(samples: Samples) -> np.ndarray:
    """Numbers of the samples that hold something not finite."""
    return _rows(samples, lambda batch: ~_fine(batch, samples.kind).flatten(1).all(1))


def _fine(values: Tensor, kind: str) -> Tensor:
    """Where values are finite, or a series is over."""
    finite = torch.isfinite(values)
    return finite | ended(values) if kind == "series" and values.ndim == 3 else finite


def _rows(samples: Samples, are: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Numbers of the samples that `are` (n, *shape) -> (n,) so; only those that are not all finite are asked about."""
    if samples.dtype == "uint8" or (isinstance(samples.values, np.ndarray) and samples.values.dtype.kind in "biu"):
        return np.empty(0, dtype=np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = [
            i * samples.at_a_time + np.flatnonzero(are(batch).numpy())
            for i, batch in enumerate(samples.batches(samples.at_a_time))
            if not np.isfinite(batch.numpy().sum())  # a finite sum has finite parts only, and is quicker told
        ]
    return np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)


def _samples(samples: Samples, rows: np.ndarray) -> str:
    return "sample" + "s" * (len(rows) > 1) + " " + listed([_name(samples, int(row)) for row in rows])


def _columns(samples: Samples, bad: np.ndarray) -> str:
    values = samples.batch(torch.from_numpy(bad[: samples.at_a_time]))
    columns = (~torch.isfinite(values)).any(0).nonzero().flatten().tolist()
    return f"column{'s' * (len(columns) > 1)} {listed([_column(samples, i) for i in columns])}"


def _column(samples: Samples, index: int) -> str:
    return repr(samples.columns[index]) if samples.columns else str(index)


def _name(samples: Samples, index: int) -> str:
    return repr(samples.names[index]) if samples.names else str(index)
