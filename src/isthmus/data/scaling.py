"""Scaling: the affine map from raw values to scaled values, and back."""

from typing import Any, Self, get_args

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.data.media import Recording
from isthmus.data.samples import Samples
from isthmus.errors import DataError, nearest, remark
from isthmus.formatting import listed
from isthmus.options.division import ScalingKind


class Scaling(nn.Module):
    """`scaled = (raw - shift) / scale`: one shift and scale for all numbers of a sample, or one per column.

    kind: "bytes" (x/255), "standardise" (mean 0, standard deviation 1), "minmax" (to 0..1), "none".
    range: the scaled values' bounds in training; None if unbounded.
    shift, scale: float32, broadcast against a sample's shape. Not in the state dict; they are saved as JSON.
    levels: the number of categories of each column of a table, 0 for a numeric column; categories are not scaled.
        Empty for other data.
    """

    kind: ScalingKind
    range: tuple[float, float] | None
    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        kind: ScalingKind = "none",
        shift: Tensor | float = 0.0,
        scale: Tensor | float = 1.0,
        range: tuple[float, float] | None = None,
        levels: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.kind = kind
        self.levels = tuple(levels)
        self.range = range
        self.register_buffer("shift", torch.as_tensor(shift, dtype=torch.float32), persistent=False)
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32), persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        """Raw values `(N, *shape)` of any type, on any device -> scaled values, float32, on the scaling's device."""
        raw = raw.to(self.scale.device).float()  # bytes travel as bytes
        if self.kind == "none":
            return raw
        return (raw - self.shift) / self.scale

    def inverse(self, scaled: Tensor) -> Tensor:
        """Scaled values `(N, *shape)`, on any device -> raw units, float32 (not rounded, not clipped)."""
        scaled = scaled.to(self.scale.device).float()
        if self.kind == "none":
            return scaled
        return scaled * self.scale + self.shift

    def extra_repr(self) -> str:
        """The kind and the range, for `print(model)`."""
        return f"{self.kind}, range={self.range}"

    def to_json(self) -> dict[str, Any]:
        """The scaling as JSON data; float32 numbers are restored exactly."""
        bounds = None if self.range is None else list(self.range)
        scaling = {"kind": self.kind, "range": bounds, "shift": self.shift.tolist(), "scale": self.scale.tolist()}
        return scaling | ({"levels": list(self.levels)} if self.levels else {})

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> Self:
        """The scaling from the JSON data of `to_json`.

        Raises:
            DataError: `d` doesn't describe a scaling.
        """
        try:
            kind, bounds = d["kind"], d["range"]
            shift = torch.tensor(d["shift"], dtype=torch.float32)
            scale = torch.tensor(d["scale"], dtype=torch.float32)
            bounds = None if bounds is None else (float(bounds[0]), float(bounds[1]))
            levels = tuple(int(count) for count in d.get("levels", ()))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(f"{d!r:.80} does not describe a scaling: expected kind, range, shift and scale.") from error
        if kind not in get_args(ScalingKind) or not (scale != 0).all() or not torch.isfinite(scale).all():
            raise DataError(
                f"{d!r:.80} does not describe a scaling: its kind is unknown or its scale is 0 or infinite."
            )
        return cls(kind, shift, scale, bounds, levels)

    @classmethod
    def learn(cls, kind: str, samples: Samples) -> Self:
        """Learn the scaling of `samples` in one pass, in float64.

        Tables are scaled column by column, series channel by channel, pictures by one number for all, because their
        numbers share a unit. Missing numbers (NaN) are ignored.

        kind: "bytes", "standardise", "minmax", "none"; or "auto": bytes for uint8 pictures, none for unnamed floats
            that lie in 0..1, minmax for other pictures, standardise for the rest.

        Raises:
            DataError: `kind` is unknown, there are no samples, or kind="bytes" for values that aren't bytes.
        """
        known = ("auto", *get_args(ScalingKind))
        if kind not in known:
            raise DataError(f"scaling={kind!r} is unknown. {nearest(kind, known)}")
        if not len(samples):
            raise DataError("There are no samples to learn a scaling from: expected at least one. Give more samples.")
        if samples.kind == "tokens":
            return cls("none")
        if samples.kind == "pictures" and samples.dtype == "uint8" and kind in ("auto", "bytes"):
            return cls("bytes", 0.0, 255.0, (0.0, 1.0))
        seen = _Statistics(samples)
        if kind == "bytes":
            if seen.low.min() < 0 or seen.high.max() > 255:
                raise DataError(
                    f"scaling='bytes' divides by 255, but the values span {seen.low.min():g} to {seen.high.max():g}: "
                    "expected 0 to 255. Use scaling='minmax'."
                )
            return cls("bytes", 0.0, 255.0, (0.0, 1.0))
        unit = bool(seen.low.min() >= 0 and seen.high.max() <= 1)
        if kind == "auto":
            kind = _auto(samples, unit)
        levels = tuple(map(len, samples.categories))
        if any(levels):
            seen.leave(np.array(levels) > 0)
            unit = False
        if kind == "none":
            return cls("none", range=(0.0, 1.0) if unit else None, levels=levels)
        _tell_constant(samples, seen)
        if kind == "minmax":
            bounds = None if any(levels) else (0.0, 1.0)
            return cls("minmax", *_finite(seen.low, seen.high - seen.low), bounds, levels)
        return cls("standardise", *_finite(seen.mean, seen.deviation), levels=levels)


class _Statistics:
    """Minimum, maximum, mean and standard deviation of the known values of samples, streamed.

    `(columns,)` for tables, `(channels, 1)` for series, `()` for others.
    """

    def __init__(self, samples: Samples) -> None:
        axes, shape = {
            "table": ((0,), samples.shape),
            "series": ((0, 2), (*samples.shape[:1], 1)),
        }.get(samples.kind, (None, ()))
        self.low, self.high = np.full(shape, np.inf), np.full(shape, -np.inf)
        self.mean, squares, count = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for part in samples.batches(samples.at_a_time):
            values = part.numpy().astype(np.float64)
            known = ~np.isnan(values)
            new = known.sum(axes).reshape(shape)
            mean = values.sum(axes, where=known).reshape(shape) / np.maximum(new, 1)
            self.low = np.minimum(self.low, values.min(axes, where=known, initial=np.inf).reshape(shape))
            self.high = np.maximum(self.high, values.max(axes, where=known, initial=-np.inf).reshape(shape))
            # Chan, Golub, LeVeque (1979): merge two sets' means and sums of squared deviations
            apart = np.square(values - mean).sum(axes, where=known).reshape(shape)
            total = np.maximum(count + new, 1)
            squares = squares + apart + np.square(mean - self.mean) * count * new / total
            self.mean = self.mean + (mean - self.mean) * new / total
            count = count + new
        self.deviation = np.sqrt(squares / np.maximum(count, 1))
        self.constant = self.low == self.high
        self.deviation = np.where(self.constant, 0.0, self.deviation)

    def leave(self, columns: np.ndarray) -> None:
        """Leave these columns, `(columns,)` bool, unscaled."""
        self.low, self.mean = np.where(columns, 0.0, self.low), np.where(columns, 0.0, self.mean)
        self.high, self.deviation = np.where(columns, 1.0, self.high), np.where(columns, 1.0, self.deviation)
        self.constant = self.constant & ~columns


def _auto(samples: Samples, unit: bool) -> ScalingKind:
    if unit and samples.dtype == "float32" and not samples.columns:
        return "none"
    return "minmax" if samples.kind == "pictures" else "standardise"


def _finite(shift: np.ndarray, scale: np.ndarray) -> tuple[Tensor, Tensor]:
    """The scale as float32, with 0 (a constant column) replaced by 1."""
    scales = torch.as_tensor(np.asarray(scale), dtype=torch.float32)
    return torch.as_tensor(np.asarray(shift), dtype=torch.float32), torch.where(scales == 0, 1.0, scales)


def _tell_constant(samples: Samples, seen: _Statistics) -> None:
    if not seen.constant.any():
        return
    table = samples.kind == "table"
    if seen.constant.size == 1 and not table:
        remark(
            f"All values of the training part are {seen.low.item():g}, so there is nothing to learn. Check the data."
        )
        return
    where = np.flatnonzero(seen.constant)
    names = samples.medium.channels if isinstance(samples.medium, Recording) else samples.columns if table else ()
    called = [repr(names[i]) if names else str(i) for i in where]
    what = "column" if table else "channel"
    remark(
        f"Constant in the training part: {what}{'s' * (len(where) > 1)} {listed(called)}. "
        f"A constant {what} gives a model no information; its scale is 1{' (exclude= leaves it out)' if table else ''}."
    )
