"""Scaling: the map from raw values to scaled values, and back; affine, after a curve where that pays."""

from typing import Any, Self, get_args

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.data.curves import Curve
from isthmus.data.media import Recording
from isthmus.data.moments import Moments
from isthmus.data.precision import NOISE
from isthmus.data.samples import Samples, has_float64, placed
from isthmus.errors import DataError, nearest, remark
from isthmus.formatting import listed
from isthmus.options.division import ScalingKind


class Scaling(nn.Module):
    """`scaled = (raw - shift) / scale`: one shift and scale for all numbers of a sample, or one per column.

    Columns of tables with heavy tails are bent by a curve first: `scaled = (curve(raw) - shift) / scale`. Values that
    stay float64 (see `data.precision`) are bent, shifted and scaled in float64, and only then become float32.

    kind: "bytes" (x/255), "standardise" (mean 0, standard deviation 1), "minmax" (to 0..1), "rms" (one scale for
        all numbers, or for each channel of a series, so that their mean square is 1), "none".
    range: the scaled values' bounds in training; None if unbounded.
    shift, scale: float32, broadcast against a sample's shape. Not in the state dict; they are saved as JSON.
    precise: whether the raw values are float64, so that they come back as such.
    rest: (2, *shape of shift) float32: the shift in float64 is `shift` + `rest`. So it is kept on devices without
        float64, too. 0 unless `precise`.
    levels: the number of categories of each column of a table, 0 for a numeric column; categories are not scaled.
        Empty for other data.
    curve: of a table's columns with heavy tails; None if no column has one.
    """

    kind: ScalingKind
    range: tuple[float, float] | None
    shift: Tensor
    scale: Tensor
    rest: Tensor
    curve: Curve | None

    def __init__(
        self,
        kind: ScalingKind = "none",
        shift: Tensor | float = 0.0,
        scale: Tensor | float = 1.0,
        range: tuple[float, float] | None = None,
        levels: tuple[int, ...] = (),
        *,
        precise: bool = False,
        curve: Curve | None = None,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.levels = tuple(levels)
        self.range = range
        self.precise = precise
        self.curve = curve
        exact, first = (torch.as_tensor(shift, dtype=kind) for kind in (torch.float64, torch.float32))
        second = (exact - first).float()
        rest = torch.stack([second, (exact - first - second).float()]) if precise else first.new_zeros(2, *first.shape)
        self._shifts = bool(exact.any())
        self.register_buffer("shift", first, persistent=False)
        self.register_buffer("rest", rest, persistent=False)
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32), persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        """Raw values `(N, *shape)` of any type, on any device -> scaled values, float32, on the scaling's device."""
        if raw.dtype == torch.float64 and not self.precise:
            raw = raw.float()
        raw = placed(raw, self.scale.device)
        if raw.dtype == torch.float64:
            raw = self.bent(raw)
            if self.kind != "none":
                raw = (raw - self.exact_shift(raw.device)) / self.scale.to(raw.device).double()
            return raw.to(self.scale.dtype).to(self.scale.device)
        raw = self.bent(raw.float())  # bytes travel as bytes
        if self.kind == "none":
            return raw
        if self.precise:
            return (raw - self.shift - self.rest[0] - self.rest[1]) / self.scale
        return (raw - self.shift if self._shifts else raw) / self.scale

    def inverse(self, scaled: Tensor) -> Tensor:
        """Scaled values `(N, *shape)`, on any device -> raw units (not rounded, not clipped).

        float32, on the scaling's device; or float64 if `precise`, then on the CPU if that device has no float64.
        """
        if self.precise:
            device = self.scale.device if has_float64(self.scale.device) else torch.device("cpu")
            scaled = scaled.to(device).double()
            if self.kind == "none":
                return self.unbent(scaled)
            return self.unbent(scaled * self.scale.to(device).double() + self.exact_shift(device))
        scaled = scaled.to(self.scale.device).float()
        if self.kind == "none":
            return self.unbent(scaled)
        return self.unbent(scaled * self.scale + self.shift)

    def bent(self, raw: Tensor) -> Tensor:
        """(N, *shape) raw values after the curve: the values that are shifted and scaled."""
        return raw if self.curve is None else self.curve(raw)

    def unbent(self, bent: Tensor) -> Tensor:
        """The inverse of `bent`."""
        return bent if self.curve is None else self.curve.inverse(bent)

    def exact_shift(self, device: torch.device | None = None) -> Tensor:
        """The shift as float64, on this device, which must have float64; None for the CPU."""
        shift, rest = (part.to(device or "cpu").double() for part in (self.shift, self.rest))
        return shift + rest.sum(0)

    def extra_repr(self) -> str:
        """The kind and the range, for `print(model)`."""
        return f"{self.kind}, range={self.range}"

    def to_json(self) -> dict[str, Any]:
        """The scaling as JSON data; all numbers are restored exactly."""
        bounds = None if self.range is None else list(self.range)
        shift = self.exact_shift() if self.precise else self.shift
        scaling = {"kind": self.kind, "range": bounds, "shift": shift.tolist(), "scale": self.scale.tolist()}
        scaling |= {"levels": list(self.levels)} if self.levels else {}
        scaling |= {} if self.curve is None else {"curve": self.curve.to_json()}
        return scaling | ({"dtype": "float64"} if self.precise else {})

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> Self:
        """The scaling from the JSON data of `to_json`.

        Raises:
            DataError: `d` doesn't describe a scaling.
        """
        try:
            kind, bounds = d["kind"], d["range"]
            precise = d.get("dtype") == "float64"
            shift = torch.tensor(d["shift"], dtype=torch.float64 if precise else torch.float32)
            scale = torch.tensor(d["scale"], dtype=torch.float32)
            bounds = None if bounds is None else (float(bounds[0]), float(bounds[1]))
            levels = tuple(int(count) for count in d.get("levels", ()))
            curve = Curve.from_json(d["curve"]) if d.get("curve") else None
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(f"{d!r:.80} does not describe a scaling: expected kind, range, shift and scale.") from error
        if kind not in get_args(ScalingKind) or not (scale != 0).all() or not torch.isfinite(scale).all():
            raise DataError(
                f"{d!r:.80} does not describe a scaling: its kind is unknown or its scale is 0 or infinite."
            )
        return cls(kind, shift, scale, bounds, levels, precise=precise, curve=curve)

    @classmethod
    def learn(cls, kind: str, samples: Samples) -> Self:
        """Learn the scaling of `samples` in one pass, in float64.

        Tables are scaled column by column, series channel by channel, pictures by one number for all, because their
        numbers share a unit. Missing numbers (NaN) are ignored.

        "rms" is for activations of another network: all numbers share one scale, so that directions stay directions.

        kind: "bytes", "standardise", "minmax", "rms", "none"; or "auto": bytes for uint8 pictures, none for unnamed
            floats that lie in 0..1, minmax for other pictures, standardise for the rest, after a curve for columns of
            tables with heavy tails (see `Curve.learn`).

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
        curve = Curve.learn(samples) if kind == "auto" else None
        seen, precise = _Statistics(samples, curve), samples.dtype == "float64"
        if kind == "bytes":
            if seen.low.min() < 0 or seen.high.max() > 255:
                raise DataError(
                    f"scaling='bytes' divides by 255, but the values span {seen.low.min():g} to {seen.high.max():g}: "
                    "expected 0 to 255. Use scaling='minmax'."
                )
            return cls("bytes", 0.0, 255.0, (0.0, 1.0), precise=precise)
        unit = bool(seen.low.min() >= 0 and seen.high.max() <= 1)
        if kind == "auto":
            kind = _auto(samples, unit)
        levels = tuple(map(len, samples.categories))
        if any(levels):
            seen.leave(np.array(levels) > 0)
            unit = False
        if kind in ("none", "rms"):
            scale = _root_mean_square(seen, levels, samples.kind) if kind == "rms" else np.ones(())
            bounds = (0.0, 1.0) if unit and kind == "none" else None
            return cls(kind, *_finite(np.zeros(()), scale), bounds, levels, precise=precise)
        _tell_constant(samples, seen)
        if kind == "minmax":
            bounds = None if any(levels) else (0.0, 1.0)
            return cls("minmax", *_finite(seen.low, seen.high - seen.low), bounds, levels, precise=precise)
        _tell_curved(samples, curve)
        return cls("standardise", *_finite(seen.mean, seen.deviation), levels=levels, precise=precise, curve=curve)


class _Statistics:
    """Minimum, maximum, mean and standard deviation of the known values of samples, and which of them are constant.

    Those of bent values, if there is a curve. `(columns,)` for tables, `(channels, 1)` for series, `()` for others.
    """

    def __init__(self, samples: Samples, curve: Curve | None) -> None:
        precise = samples.dtype == "float64"
        seen = Moments(samples.kind, samples.shape, centred=precise)
        for part in samples.batches(samples.at_a_time):
            values = part.double() if curve is None else curve(part.double())
            seen.add(values.numpy())
        self.low, self.high, self.mean = seen.low, seen.high, seen.mean
        self.constant = self.low == self.high
        if precise:
            self.constant |= seen.largest >= NOISE * seen.deviation
        self.deviation = np.where(self.constant, 0.0, seen.deviation)

    def leave(self, columns: np.ndarray) -> None:
        """Leave these columns, `(columns,)` bool, unscaled."""
        self.low, self.mean = np.where(columns, 0.0, self.low), np.where(columns, 0.0, self.mean)
        self.high, self.deviation = np.where(columns, 1.0, self.high), np.where(columns, 1.0, self.deviation)
        self.constant = self.constant & ~columns


def _root_mean_square(seen: _Statistics, levels: tuple[int, ...], kind: str) -> np.ndarray:
    """Of all numbers together, or of each channel of series; 1 for categories."""
    square = np.square(seen.mean) + np.square(seen.deviation)
    numeric = np.array(levels) == 0
    if any(levels):
        square = np.where(numeric, square[numeric].mean() if numeric.any() else 1.0, 1.0)
    return np.sqrt(square if any(levels) or kind == "series" else square.mean())


def _auto(samples: Samples, unit: bool) -> ScalingKind:
    if unit and samples.dtype == "float32" and not samples.columns:
        return "none"
    return "minmax" if samples.kind == "pictures" else "standardise"


def _finite(shift: np.ndarray, scale: np.ndarray) -> tuple[Tensor, Tensor]:
    """The shift as float64, and the scale as float32, with 0 (a constant column) replaced by 1."""
    scales = torch.as_tensor(np.asarray(scale), dtype=torch.float32)
    return torch.as_tensor(np.asarray(shift), dtype=torch.float64), torch.where(scales == 0, 1.0, scales)


def _tell_curved(samples: Samples, curve: Curve | None) -> None:
    if curve is None:
        return
    names = [repr(samples.columns[place]) for place in curve.unit.nonzero()[:, 0].tolist()]
    remark(
        f"Heavy tails: column{'s' * (len(names) > 1)} {listed(names)}. The few largest values would dominate, so the "
        "model gets these columns on a scale that is logarithmic for large values. To scale them as the others, pass "
        "scaling='standardise'."
    )


def _tell_constant(samples: Samples, seen: _Statistics) -> None:
    if not seen.constant.any():
        return
    table = samples.kind == "table"
    if table and len(samples) == 1:
        remark("The training part has only 1 row, so no column varies there. Give more rows.")
        return
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
