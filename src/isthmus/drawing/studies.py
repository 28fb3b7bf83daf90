"""The figures of studies: error by code size, gain per latent dimension, and models with their spread."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

Curve = tuple[Sequence[float], Sequence[float], Sequence[float]]
"""x, y, and the spread of each y (0 where it has none)."""
FAR = 1000.0
"""A rival's number so many times smaller than any model's would stretch the axis."""


def curves(
    lines: Mapping[str, Curve],
    *,
    across: str,
    up: str,
    marked: float | None = None,
    level: tuple[float, str] | None = None,
    log: bool = True,
    sizes: bool = True,
    theme: Theme = LIGHT,
) -> Figure:
    """Lines with a band of ± their spread, over a logarithmic axis.

    lines: by title; "model" and "PCA" have fixed colours. across, up: names of the axes.
    marked: an x to mark. level: a height with its name. log: whether y is logarithmic, if all its values are above 0.
    sizes: whether x is sizes that the lines share, with a tick at each.
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
            least = min(lines["model"][1] if "model" in lines else values) / FAR
            if min(values) < least:  # the line of an exact rival leaves the figure
                axes.set_ylim(bottom=least)
        if sizes:
            _doubling(axes, sorted({size for x, _, _ in lines.values() for size in x}))
        else:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.grid(axis="y")
        # the lines may leave no room within the axes
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
    """A row for each name with its mean, a bar of ± its spread, and PCA's value.

    beside: PCA's value, by the same names. Values a thousand times smaller than the median mean, which come from codes
    as large as the data, are arrows at the left edge, so that the others stay distinct.
    """
    names = list(means)
    least = float(np.median(np.abs(list(means.values())))) / FAR
    with drawing(theme):
        figure = sheet(5.4, 1.1 + 0.36 * len(names))
        axes = figure.add_subplot(xlabel=across)
        edge = {"markersize": 9, "markeredgewidth": 0, "clip_on": False, "transform": axes.get_yaxis_transform()}
        shown: list[float] = []
        for row, name in enumerate(names):
            mean, spread, pca = means[name], spreads.get(name), beside.get(name)
            if abs(mean) < least:
                axes.plot(0, row, "<", color=theme.rivals["model"], label="model, exact or nearly", **edge)
            else:
                shown.append(mean)
                label = "model, ± standard deviation" if spread else "model"
                colour = theme.rivals["model"]
                axes.errorbar(mean, row, xerr=spread, fmt="o", color=colour, capsize=4, label=label)
            if pca is not None and abs(pca) < least:
                axes.plot(0, row + 0.25, "<", color=theme.rivals["pca"], label="PCA, exact or nearly", **edge)
            elif pca is not None:
                shown.append(pca)
                axes.plot(pca, row, "|", color=theme.rivals["pca"], markersize=16, markeredgewidth=2.5, label="PCA")
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        if min(shown, default=0.0) > 0 and max(shown) > 30 * min(shown):
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        elif min(shown, default=0.0) >= 0:
            axes.set_xlim(left=0)
        else:
            axes.margins(x=0.1)
        axes.grid(axis="x")
        handles, labels = axes.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=2)
    return figure


def _doubling(axes: Axes, sizes: Sequence[float]) -> None:
    """A logarithmic x axis with a tick at each size; of more than 12 sizes, only some have one."""
    axes.set_xscale("log", base=2)
    shown = sizes if len(sizes) <= 12 else sizes[:: -(-len(sizes) // 12)]
    axes.xaxis.set_major_locator(FixedLocator(list(shown)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
