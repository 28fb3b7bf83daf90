"""Checking an exported part: the same results as the run's own, on real samples, in batches of several sizes."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.errors import UseError
from isthmus.exporting.parts import Exportable
from isthmus.formatting import number
from isthmus.trained import TrainedModel

TOLERANCE = 1e-5
"""The largest difference, as a share of the data's range."""
SAMPLES = 256
"""Samples that are checked, at most."""
FIRST = (1, 7)
"""The sizes of the first batches; the third has the rest."""
ROUNDING = 8
"""Of the results themselves, in units of their last place: a time stamp's range is a small part of its value."""

Program = Callable[[tuple[np.ndarray, ...]], np.ndarray]
"""An exported part: the inputs in their order to the output."""


@dataclass(frozen=True)
class Checked:
    """How an exported part differs from the run's own, as shares of the data's range.

    samples: their number. largest, mean: of the differences of all numbers of the output.
    """

    samples: int
    largest: float
    mean: float

    def to_json(self) -> dict[str, Any]:
        """The numbers by name."""
        return {"samples": self.samples, "largest_difference": self.largest, "mean_difference": self.mean}


@dataclass(frozen=True, eq=False)
class Case:
    """A part with real samples to check it on: its inputs, and its own results."""

    part: Exportable
    samples: Samples
    given: tuple[Tensor, ...]
    wanted: np.ndarray

    @classmethod
    def of(cls, part: Exportable, samples: Samples) -> Self:
        """The case of these samples."""
        given = part.given(samples)
        with torch.no_grad():
            return cls(part, samples, given, part(*given).numpy())


def samples_of(run: TrainedModel, most: int = SAMPLES) -> Samples:
    """Real samples of the run: of its test part, or of the next one that has any."""
    parts = run.open().parts
    return next(parts[name] for name in ("test", "validation", "train") if len(parts[name])).some(most)


def compare(case: Case, program: Program) -> Checked:
    """Run an exported part on the samples, and compare it with the run's own results."""
    part, wanted = case.part, case.wanted
    made = np.concatenate([program(piece) for piece in _pieces([value.numpy() for value in case.given])])
    if made.shape != wanted.shape:
        raise UseError(
            f"The exported {part.part} makes results of shape {made.shape}, but the run makes {wanted.shape}. Nothing "
            "was written. Export another part."
        )
    apart = np.abs(made.astype(np.float64) - wanted.astype(np.float64))
    apart[np.isnan(made) & np.isnan(wanted)] = 0
    apart = np.nan_to_num(apart, nan=np.inf)
    apart = np.maximum(apart - _rounding(wanted), 0) / _range(part, wanted, case.samples)
    return Checked(len(wanted), float(apart.max()), float(apart.mean()))


def check(part: Exportable, found: Checked) -> None:
    """Raise UseError if an exported part differs by more than the tolerance."""
    if not found.largest <= TOLERANCE:
        raise UseError(
            f"The exported {part.part} differs from the run's own by {number(found.largest)} of the data's range, but "
            f"at most {TOLERANCE:g} is allowed. Nothing was written. Try another opset or format."
        )


def _pieces(given: list[np.ndarray]) -> Iterable[tuple[np.ndarray, ...]]:
    """The inputs in batches of several sizes."""
    ends = [0, *np.cumsum(FIRST).tolist(), len(given[0])]
    for start, end in itertools.pairwise(ends):
        if start < len(given[0]):
            yield tuple(value[start:end] for value in given)


def _range(part: Exportable, wanted: np.ndarray, samples: Samples) -> np.ndarray:
    """The range of the data, or of the results if these are no samples; of each column of a table by itself."""
    seen = [wanted.astype(np.float64)]
    apart = 1
    if part.output.name == "sample":
        raw = samples.tensor().double().numpy()
        seen.append(raw) if raw.shape[1:] == wanted.shape[1:] else None
        apart = 2 if samples.kind in ("table", "series") else 1
    whole = np.concatenate(seen)
    axes = tuple(axis for axis in range(whole.ndim) if axis == 0 or axis >= apart)
    whole = np.where(np.isfinite(whole), whole, np.nan)
    low, high = np.nanmin(whole, axes, keepdims=True), np.nanmax(whole, axes, keepdims=True)
    return np.where(high > low, high - low, np.maximum(np.abs(high), 1e-30))


def _rounding(wanted: np.ndarray) -> np.ndarray:
    """The differences that the results' own rounding makes."""
    if wanted.dtype.kind != "f":
        return np.zeros(1)
    return ROUNDING * np.spacing(np.abs(np.nan_to_num(wanted))).astype(np.float64)
