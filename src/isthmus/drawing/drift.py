"""Figures of drift: two distributions over each other, in a panel for each column, score or latent dimension."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isthmus.drawing.columns import told
from isthmus.drawing.figures import short_name
from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

BINS, BARS, ACROSS = 30, 8, 3
LONG_TAIL = 10
"""Positive values have a logarithmic axis if the largest are this many times the median."""


@dataclass(frozen=True)
class Overlay:
    """Two distributions of one thing: bars of the same numbers or categories before and after.

    before, after: the shares of the rows in each bar. bounds: the numbers between which the bars lie. log: whether they
    are equally wide on a logarithmic axis. whole: whether the numbers are whole. names: the categories that the bars
    belong to. kind: of the column.
    """

    before: tuple[float, ...]
    after: tuple[float, ...]
    bounds: tuple[float, float] | None = None
    log: bool = False
    whole: bool = False
    names: tuple[str, ...] = ()
    kind: str = "number"

    @classmethod
    def of_numbers(cls, before: np.ndarray, after: np.ndarray, kind: str = "number") -> Self:
        """Histograms of two samples of numbers; their outermost hundredths are not shown."""
        before, after = (one[np.isfinite(one)].astype(np.float64) for one in (before, after))
        if not len(before) or not len(after):
            return cls((), (), None, kind=kind)
        ends = np.quantile(before, (0.01, 0.99)), np.quantile(after, (0.01, 0.99))
        low, high = float(min(ends[0][0], ends[1][0])), float(max(ends[0][1], ends[1][1]))
        high = high if high > low else low + max(1.0, abs(low))
        middle = min(float(np.median(one)) for one in (before, after))
        log = kind == "number" and low > 0 and high > LONG_TAIL * middle
        edges = (np.geomspace if log else np.linspace)(low, high, BINS + 1)
        whole = not log and kind == "number" and all(bool((one == one.round()).all()) for one in (before, after))
        if whole:  # each in the middle of its bar
            width = max(1, math.ceil((high - low + 1) / BINS))
            edges = np.arange(math.floor(low) - 0.5, math.ceil(high) + width, width)
        shares = [tuple((np.histogram(one, edges)[0] / len(one)).tolist()) for one in (before, after)]
        return cls(shares[0], shares[1], (float(edges[0]), float(edges[-1])), log, whole, kind=kind)

    @classmethod
    def of_categories(cls, before: np.ndarray, after: np.ndarray, names: tuple[str, ...]) -> Self:
        """The shares of the most frequent categories, from their counts; the others are one bar."""
        both = [one / max(1, one.sum()) for one in (before, after)]
        order = np.argsort(-np.maximum(*both), kind="stable")
        shown, rest = (order, order[:0]) if len(order) <= BARS else (order[: BARS - 1], order[BARS - 1 :])
        bars = [[*one[shown].tolist(), *([float(one[rest].sum())] if len(rest) else [])] for one in both]
        called = [names[i] for i in shown] + ([f"{len(rest)} others"] if len(rest) else [])
        return cls(tuple(bars[0]), tuple(bars[1]), names=tuple(called), kind="category")


def overlays(
    panels: Sequence[tuple[str, Overlay, bool]], *, labels: tuple[str, str] = ("before", "after"), theme: Theme = LIGHT
) -> Figure:
    """A panel for each overlay, with its title and whether it is marked: what was before is filled, after is a line.

    labels: what the two distributions are called.
    """
    shown = [panel for panel in panels if panel[1].before]
    across = min(ACROSS, max(1, len(shown)))
    rows = max(1, math.ceil(len(shown) / across))
    with drawing(theme):
        figure = sheet(3.4 * across, 1.9 * rows + 0.4)
        figure.set_layout_engine("constrained", w_pad=0.12)  # numbers at the ends of neighbouring axes stay apart
        for place, (title, overlay, marked) in enumerate(shown):
            axes = figure.add_subplot(rows, across, place + 1)
            mark = "● " if marked else ""
            axes.set_title(mark + short_name(title, 40), loc="left", fontsize=9, color=theme.ink)
            axes.spines["left"].set_visible(False)
            (_bars if overlay.names else _histogram)(axes, overlay, labels, theme)
        if shown:
            handles = figure.axes[0].get_legend_handles_labels()
            figure.legend(*handles, loc="outside upper right", ncols=2, fontsize=9)
    return figure


def _histogram(axes: Axes, overlay: Overlay, labels: tuple[str, str], theme: Theme) -> None:
    edges = np.arange(len(overlay.before) + 1)
    axes.stairs(overlay.before, edges, fill=True, color=theme.rivals["mean"], alpha=0.45, label=labels[0])
    axes.stairs(overlay.after, edges, color=theme.rivals["pca"], linewidth=1.6, label=labels[1])
    axes.set_xlim(0, len(overlay.before))
    axes.set_yticks([])
    if overlay.bounds is None:
        return
    low, high = overlay.bounds
    values = [low, math.sqrt(low * high) if overlay.log else (low + high) / 2, high]
    places = [0, len(overlay.before) / 2, len(overlay.before)]
    if overlay.whole:
        values = [math.ceil(low), math.floor(values[1]), math.floor(high)]
        places = [(value - low) / (high - low) * len(overlay.before) for value in values]
    axes.set_xticks(places, [told(value, overlay.kind) for value in values], fontsize=7)
    for label, side in zip(axes.get_xticklabels(), ("left", "center", "right"), strict=True):
        label.set_horizontalalignment("center" if overlay.whole else side)


def _bars(axes: Axes, overlay: Overlay, labels: tuple[str, str], theme: Theme) -> None:
    places = np.arange(len(overlay.names))
    axes.barh(places - 0.2, overlay.before, 0.4, color=theme.rivals["mean"], alpha=0.45, label=labels[0])
    axes.barh(places + 0.2, overlay.after, 0.4, color=theme.rivals["pca"], label=labels[1])
    axes.set_ylim(max(2, len(places)) - 0.4, -0.6)
    axes.set_yticks(places, [short_name(name, 16) for name in overlay.names], fontsize=7)
    axes.set_xticks([])
    axes.tick_params(length=0)
