"""Figures of findings: bars with a limit, sorted values, a matrix, samples in rows."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from isthmus.drawing.figures import loss_curves, picture_grid, series_lines
from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

__all__ = ["bars", "loss_curves", "matrix", "ranks", "samples"]


def bars(values: Mapping[str, float], *, limit: float | None, label: str, theme: Theme = LIGHT) -> Figure:
    """A bar for each name; the limit as a dashed line."""
    with drawing(theme):
        figure = sheet(5.4, 0.8 + 0.3 * len(values))
        axes = figure.add_subplot(xlabel=label)
        at = range(len(values))
        axes.barh(at, list(values.values()), color=theme.rivals["model"], alpha=0.75)
        axes.set_yticks(at, [name.replace("$", r"\$") for name in values])
        axes.invert_yaxis()
        axes.xaxis.set_major_locator(MaxNLocator(5))  # more would run into each other
        if limit is not None:
            axes.axvline(limit, color=theme.rivals["pca"], linewidth=1.2, linestyle="--")
        axes.axvline(0, color=theme.faint, linewidth=1)
        axes.grid(axis="x")
    return figure


def ranks(
    values: Sequence[float], *, label: str, limit: float | None = None, log: bool = False, theme: Theme = LIGHT
) -> Figure:
    """Many values, sorted by the caller, by rank; the limit as a dashed line."""
    with drawing(theme):
        figure = sheet(5.4, 3.0)
        axes = figure.add_subplot(xlabel="rank", ylabel=label)
        places = [place + 1 for place in range(len(values))]
        if len(values) <= 64:
            axes.bar(places, values, color=theme.rivals["model"], alpha=0.75)
        else:
            axes.fill_between(places, values, step="mid", color=theme.rivals["model"], alpha=0.75, linewidth=0)
        if limit is not None:
            axes.axhline(limit, color=theme.rivals["pca"], linewidth=1.2, linestyle="--")
        if log and min(values) > 0:
            axes.set_yscale("log")
        elif max(values, default=0) <= 0:
            axes.set_ylim(0, 1)
        axes.set_xlim(0.4, len(values) + 0.6)
        axes.grid(axis="y")
    return figure


def matrix(values: Tensor, *, label: str, theme: Theme = LIGHT) -> Figure:
    """A square matrix of values in 0..1, as colours."""
    with drawing(theme):
        figure = sheet(4.2, 3.6)
        axes = figure.add_subplot()
        shown = axes.imshow(values.numpy(), cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
        figure.colorbar(shown, ax=axes, label=label)
    return figure


def samples(
    rows: Mapping[str, Tensor],
    shape: tuple[int, ...],
    *,
    bounds: tuple[float, float] | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """Samples with one row per name: as pictures, otherwise as lines over each other.

    rows: name → (n, D) scaled. shape: of one sample. bounds: the values of black and white.
    """
    if len(shape) == 3:
        everything = torch.cat(list(rows.values()))
        bounds = bounds or (float(everything.min()), float(everything.max()))
        pictures = {name: values.reshape(-1, *shape) for name, values in rows.items()}
        return picture_grid(pictures, bounds=bounds, theme=theme)
    lines = {
        name: values[:6].reshape(-1, *(shape if len(shape) == 2 else (1, shape[0]))) for name, values in rows.items()
    }
    return series_lines(lines, theme=theme)
