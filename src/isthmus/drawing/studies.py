"""The figures of studies: error by code size, what one more number brings, and rivals with their spread."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

Curve = tuple[Sequence[float], Sequence[float], Sequence[float]]
"""x, y, and the spread of each y (0 where it has none)."""


def curves(
    lines: Mapping[str, Curve],
    *,
    across: str,
    up: str,
    marked: float | None = None,
    level: tuple[float, str] | None = None,
    log: bool = True,
    theme: Theme = LIGHT,
) -> Figure:
    """Lines with a band of ± their spread, by sizes that are drawn at equal steps where they double.

    lines: by title; "model" and "PCA" have the report's colours, others one each. across, up: names of the axes.
    marked: an x to be marked. level: a height with its name. log: whether y is logarithmic, where all of it is above 0.
    """
    with drawing(theme):
        figure = sheet(5.4, 3.6)
        axes = figure.add_subplot(xlabel=across, ylabel=up)
        for place, (title, (x, y, spread)) in enumerate(lines.items()):
            colour = theme.rivals.get(title.lower(), theme.labels[place % len(theme.labels)])
            line = "--" if title == "PCA" else "-"
            axes.plot(x, y, line, marker="o", markersize=4, color=colour, label=title)
            low, high = np.subtract(y, spread), np.add(y, spread)
            if log:
                low = np.maximum(low, 0.5 * np.asarray(y))
            axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        if level is not None:
            axes.axhline(level[0], color=theme.ink, linewidth=1, linestyle=":", label=level[1])
        if marked is not None:
            axes.axvline(marked, color=theme.ink, linewidth=1, alpha=0.5)
            above = {"xycoords": ("data", "axes fraction"), "xytext": (0, 2), "textcoords": "offset points"}
            axes.annotate(f"{marked:g}", (marked, 1), **above, ha="center", va="bottom", weight="bold")
        values = [value for _, y, _ in lines.values() for value in y]
        if log and values and min(values) > 0:
            axes.set_yscale("log")
        _doubling(axes, sorted({size for x, _, _ in lines.values() for size in x}))
        axes.grid(axis="y")
        # beside a line there may be no room within the axes
        figure.legend(loc="outside upper center", ncols=2 if len(lines) > 3 else 3, fontsize=9)
    return figure


def rivals(
    means: Mapping[str, float],
    spreads: Mapping[str, float | None],
    beside: Mapping[str, float | None],
    *,
    across: str,
    theme: Theme = LIGHT,
) -> Figure:
    """A row for each name with its mean, a bar of ± its spread, and PCA's number beside it.

    beside: PCA's number, by the same names.
    """
    names = list(means)
    with drawing(theme):
        figure = sheet(5.4, 1.1 + 0.36 * len(names))
        axes = figure.add_subplot(xlabel=across)
        for row, name in enumerate(names):
            mean, spread, pca = means[name], spreads.get(name), beside.get(name)
            axes.errorbar(
                mean,
                row,
                xerr=spread,
                fmt="o",
                color=theme.rivals["model"],
                capsize=4,
                label="model, ± standard deviation" if spread else "model",
            )
            if pca is not None:
                axes.plot(pca, row, "|", color=theme.rivals["pca"], markersize=16, markeredgewidth=2.5, label="PCA")
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        numbers = [value for value in [*means.values(), *beside.values()] if value is not None and value > 0]
        if numbers and max(numbers) > 10 * min(numbers):
            axes.set_xscale("log")
        else:
            axes.set_xlim(left=0)
        axes.grid(axis="x")
        handles, labels = axes.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=2)
    return figure


def _doubling(axes: Axes, sizes: Sequence[float]) -> None:
    """A logarithmic x axis with a tick at each size, as long as they don't crowd."""
    axes.set_xscale("log", base=2)
    shown = sizes if len(sizes) <= 12 else sizes[:: -(-len(sizes) // 12)]
    axes.xaxis.set_major_locator(FixedLocator(list(shown)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
