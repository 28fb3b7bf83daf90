"""Figures of recordings on their time axis: channels, the score of each step, and the anomalous stretches."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

POINTS = 1500
"""A longer line is drawn as the lowest and the highest value of so many pieces."""
LEAST_WIDTH = 0.003
"""The least width of a shaded stretch, as a share of the axis: a single step in a long recording stays visible."""
MARK_ALPHA = 0.28


@dataclass(frozen=True, eq=False)
class Line:
    """Steps of a recording.

    times: (steps,) seconds since 1970 or numbers, ascending; NaN in a gap. values: (steps, channels). reconstructed:
    the same by the model; None if they aren't drawn. scores: (steps,). anomalous: (steps,) bool. title: above the
    panels.
    """

    times: np.ndarray
    values: np.ndarray
    scores: np.ndarray
    anomalous: np.ndarray
    reconstructed: np.ndarray | None = None
    title: str = ""


def recording_scores(
    whole: Line,
    worst: Sequence[Line],
    channels: Sequence[str],
    threshold: float,
    *,
    zone: datetime.tzinfo | None = None,
    axis: str = "time step",
    theme: Theme = LIGHT,
) -> Figure:
    """A whole recording with its anomalous stretches shaded, and the worst stretches enlarged.

    On the left: each channel, and the score below, with the threshold dashed. On the right: the channels around each
    of the worst stretches, with their reconstructions.

    channels: names of the columns of the values. zone: in which dates are shown; None if the times are numbers. axis:
    what these are.
    """
    rows = len(channels) + 1
    with drawing(theme):
        figure = sheet(7.2 + 2.6 * len(worst), 1.1 + 1.05 * rows)
        ratios = [2.4, *(1.0 for _ in worst)]
        grid = figure.subplots(rows, 1 + len(worst), squeeze=False, sharex="col", width_ratios=ratios)
        for column, each in enumerate((whole, *worst)):
            line = each if zone is None else replace(each, times=each.times / 86400)  # matplotlib counts days
            panels = list(grid[:, column])
            for panel, name, given, back in zip(panels, channels, line.values.T, _columns(line), strict=False):
                _shade(panel, line, theme)
                look = {"color": theme.rivals["original"], "linewidth": 1.3 if column else 0.9}
                _draw(panel, line.times, given, label="recording", **look)
                if back is not None:
                    look = {"color": theme.rivals["model"], "linewidth": 1.1, "linestyle": "--"}
                    _draw(panel, line.times, back, label="reconstruction", **look)
                if not column:
                    panel.set_ylabel(_short(name), fontsize=8)
            _shade(panels[-1], line, theme)
            _scores(panels[-1], line, threshold, theme)
            panels[0].set_title(line.title, loc="left", fontsize=9)
            for panel in panels:
                panel.tick_params(labelsize=7)
                panel.margins(x=0.01)
            if zone is not None:
                _dated(panels[-1], zone)
            elif not column:
                panels[-1].set_xlabel(axis, fontsize=8)
        grid[-1, 0].set_ylabel("score", fontsize=8)
        shown = dict(
            pair for panel in grid.flat for pair in zip(*reversed(panel.get_legend_handles_labels()), strict=True)
        )
        figure.legend(shown.values(), shown.keys(), loc="outside upper right", ncols=len(shown), fontsize=8)
    return figure


def _columns(line: Line) -> Sequence[np.ndarray | None]:
    return [None] * line.values.shape[1] if line.reconstructed is None else list(line.reconstructed.T)


def _draw(axes: Axes, times: np.ndarray, values: np.ndarray, **look: Any) -> None:
    axes.plot(*_thinned(times, values), **look)


def _scores(axes: Axes, line: Line, threshold: float, theme: Theme) -> None:
    _draw(axes, line.times, line.scores, color=theme.rivals["model"], linewidth=0.9)
    axes.axhline(threshold, color=theme.ink, linewidth=1, linestyle=(0, (4, 3)), label="threshold")
    if np.nanmin(line.scores, initial=threshold) > 0:
        axes.set_yscale("log")
        axes.minorticks_off()


def _shade(axes: Axes, line: Line, theme: Theme) -> None:
    """Shade the anomalous stretches over the whole height."""
    stretches = runs(line.anomalous & np.isfinite(line.times))
    if not len(stretches):
        return
    known = line.times[np.isfinite(line.times)]
    span = float(known[-1] - known[0]) or 1.0
    usual = float(np.median(np.diff(known))) if len(known) > 1 else 1.0
    bars = []
    for first, last in stretches:
        low, high = line.times[first] - usual / 2, line.times[last] + usual / 2
        wider = max(0.0, LEAST_WIDTH * span - (high - low)) / 2
        bars.append((low - wider, high - low + 2 * wider))
    axes.broken_barh(
        bars,
        (0, 1),
        transform=axes.get_xaxis_transform(),
        facecolor=theme.rivals["pca"],
        alpha=MARK_ALPHA,
        linewidth=0,
        label="anomalous",
    )


def _dated(axes: Axes, zone: datetime.tzinfo) -> None:
    axes.xaxis_date(zone)
    locator = AutoDateLocator(tz=zone, minticks=2, maxticks=5)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))


def runs(flags: np.ndarray) -> np.ndarray:
    """(n, 2) the first and the last place of each run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return np.stack((edges[::2], edges[1::2] - 1), 1)


def _thinned(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A long line as the lowest and the highest value of each of `POINTS` pieces, at the time of its first step."""
    if len(values) <= 4 * POINTS:
        return times, values
    starts = np.linspace(0, len(values), POINTS, endpoint=False).astype(np.int64)
    low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
    return np.repeat(times[starts], 2), np.stack((low, high), 1).ravel()


def _short(name: str, most: int = 18) -> str:
    shown = name if len(name) <= most else name[: most - 1] + "…"
    return shown.replace("$", r"\$")
