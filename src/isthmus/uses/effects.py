"""The effect of a change on samples, in numbers and in words: the columns, pixels or steps that change, and how far."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isthmus.drawing.look import Look
from isthmus.formatting import number
from isthmus.shown import Shown

NAMED = 3
"""The most columns that are named."""


@dataclass(frozen=True, repr=False)
class Effect(Shown):
    """The effect of a change: in words, and as figures by name."""

    words: str
    figures: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The figures."""
        return self.figures


def effect_of(samples: Tensor, where: Tensor, look: Look) -> Effect:
    """The effect from the first to the last of (S, *shape) raw samples.

    where: (*shape) how much each number changes, in scaled units.

    In pictures and series, a number counts as moved if it changes at least half as much as the one that changes most.
    """
    if float(where.max()) <= 1e-6:
        return Effect("does nothing", {})
    if look.kind == "table":
        return _on_columns(samples, where.flatten(), look)
    if look.kind == "series":
        return _on_steps(samples, where)
    if look.kind == "tokens" and look.medium is not None:
        first, last = look.medium.words(samples[[0, -1]])
        return Effect(f"{first!r} → {last!r}", {"low": first, "high": last})
    return _on_pixels(look.scaled(samples), where)


def _on_columns(samples: Tensor, where: Tensor, look: Look) -> Effect:
    rows = samples.flatten(1)
    order = where.sort(descending=True, stable=True).indices[:NAMED].tolist()
    names = look.columns or tuple(f"column {i + 1}" for i in range(len(where)))
    columns, said = [], []
    for i in (i for i in order if float(where[i]) > 0.1 * float(where.max())):
        told = [look.told(i, value) for value in rows[:, i].tolist()]
        columns.append({"column": names[i], "low": told[0], "high": told[-1], "change": float(where[i])})
        between = [value for value in told if value != told[0]][:1] if told[0] == told[-1] else []
        if between or told[0] != told[-1]:  # otherwise it changes only other samples
            said.append(f"{names[i]} {' → '.join(map(_text, [told[0], *between, told[-1]]))}")
    return Effect(", ".join(said) or "changes other samples, not this one", {"columns": columns})


def _on_steps(samples: Tensor, where: Tensor) -> Effect:
    strongest = where.amax(0)
    moved = (strongest >= 0.5 * strongest.max()).nonzero()[:, 0]
    first, last = int(moved[0]), int(moved[-1])
    channel = int(where.square().sum(1).argmax())
    difference = float((samples[-1] - samples[0])[channel, moved].mean())
    words = f"moves steps {first} to {last} by {difference:+.2g}"
    if len(where) > 1:
        words += f", most in channel {channel}"
    return Effect(words, {"steps": [first, last], "channel": channel, "difference": difference})


def _on_pixels(scaled: Tensor, where: Tensor) -> Effect:
    heat = where.square().sum(0).sqrt()
    moved = int((heat >= 0.5 * heat.max()).sum())
    gained = (scaled[-1] - scaled[0]).mean(0)
    total = float(gained.abs().sum())
    figures: dict[str, Any] = {"pixels": moved}
    words = f"moves {moved} of {heat.numel()} pixels"
    for name, part in (("brighter", gained.clamp(min=0)), ("darker", (-gained).clamp(min=0))):
        share = float(part.sum()) / total if total > 0 else 0.0
        if share > 0.1:
            row, column = _centre(part)
            figures[name] = {"row": row, "column": column, "share": share}
            words += f", {name} around row {row:.0f}, column {column:.0f}"
    return Effect(words, figures)


def _centre(heat: Tensor) -> tuple[float, float]:
    """(H, W) the centre of mass of the squared values, as row and column counted from 0."""
    weights = heat.square() / heat.square().sum()
    rows, columns = (torch.arange(size, dtype=torch.float32) for size in heat.shape)
    return float((weights.sum(1) * rows).sum()), float((weights.sum(0) * columns).sum())


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else number(value, digits=4)
