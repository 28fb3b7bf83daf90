"""Columns of a table as small histograms, side by side."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isthmus.drawing.figures import short_name
from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet
from isthmus.formatting import number

MOST, ACROSS = 60, 4
Panel = tuple[str, str, tuple[int, ...], tuple[float, float] | None, tuple[str, ...], int]
"""Name, kind, the heights of the bars, the numbers between which they lie, their names, and the missing values."""


def column_panels(panels: Sequence[Panel], *, theme: Theme = LIGHT) -> Figure:
    """A panel for each column: a histogram of numbers and dates, bars of the most frequent categories."""
    shown = [panel for panel in panels if panel[2]][:MOST]
    rows = max(1, math.ceil(len(shown) / ACROSS))
    with drawing(theme):
        figure = sheet(10, 1.7 * rows + 0.2)
        for place, panel in enumerate(shown):
            _panel(figure.add_subplot(rows, ACROSS, place + 1), panel, theme)
    return figure


def _panel(axes: Axes, panel: Panel, theme: Theme) -> None:
    name, kind, counts, bounds, names, missing = panel
    colour = theme.faint if kind in ("id", "text", "empty") else theme.rivals["model"]
    axes.set_title(short_name(name, 24) + (f"  ({missing:,} missing)" if missing else ""), loc="left", fontsize=9)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    if names:
        axes.barh(range(len(counts)), counts, color=colour, height=0.8)
        axes.set_ylim(len(counts) - 0.4, -0.6)
        size = 7 if len(counts) <= 6 else 5
        axes.set_yticks(range(len(counts)), [short_name(one, 16) for one in names], fontsize=size)
        axes.set_xticks([])
        axes.tick_params(length=0)
        return
    axes.bar([place + 0.5 for place in range(len(counts))], counts, width=1.0, color=colour)
    axes.set_xlim(0, len(counts))
    if bounds is not None:
        axes.set_xticks([0, len(counts)], [told(value, kind) for value in bounds], fontsize=7)
        for label, side in zip(axes.get_xticklabels(), ("left", "right"), strict=True):
            label.set_horizontalalignment(side)


def told(value: float, kind: str) -> str:
    """A value at an axis: a number, a day, or a time."""
    if kind == "date":
        from datetime import UTC, datetime  # noqa: PLC0415

        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d")
    if kind == "time":
        return f"{int(value // 3600):02d}:{int(value % 3600 // 60):02d}"
    return number(value)
