"""The figures of a search: its progress, and what each option's values have led to."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

MOST = 9
"""The most options that are shown."""
WORDS = 16
"""Letters of a value that the axis shows."""


def progress(values: Sequence[float | None], pruned: Sequence[int], *, up: str, theme: Theme = LIGHT) -> Figure:
    """Each trial's value by its number, and the best so far.

    values: of the trials from 1 on; None for those without. pruned: the numbers of pruned trials.
    """
    with drawing(theme):
        figure = sheet(5.4, 3.4)
        axes = figure.add_subplot(xlabel="trial", ylabel=up)
        known = [(number, value) for number, value in enumerate(values, start=1) if value is not None]
        best = np.minimum.accumulate([value for _, value in known]) if known else []
        axes.plot(*zip(*known, strict=True), "o", markersize=4, color=theme.rivals["model"], label="trial")
        axes.step([number for number, _ in known], best, where="post", color=theme.rivals["pca"], label="best so far")
        if pruned:
            axes.plot(pruned, [0.02] * len(pruned), "|", markersize=10, color=theme.rivals["mean"], label="pruned",
                      transform=axes.get_xaxis_transform())  # fmt: skip
        if known and min(value for _, value in known) > 0:
            axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        figure.legend(loc="outside upper center", ncols=3, fontsize=9)
    return figure


def slices(
    options: Mapping[str, Sequence[Any]], values: Sequence[float], logs: Sequence[str], *, up: str, theme: Theme = LIGHT
) -> Figure:
    """One panel for each option: the trials' values by the option's.

    options: name → its value in each trial, numbers or words. values: of the trials. logs: the options whose axis is
    logarithmic.
    """
    names = list(options)[:MOST]
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    with drawing(theme):
        figure = sheet(2.7 * columns, 2.3 * rows + 0.2)
        panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for panel in panels.flat[len(names) :]:
            panel.set_visible(False)
        for panel, name in zip(panels.flat, names, strict=False):
            given = options[name]
            if all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
                across = list(given)
                if name in logs:
                    panel.set_xscale("log")
            else:
                words = sorted({str(value) for value in given})
                across = [words.index(str(value)) for value in given]
                panel.set_xticks(range(len(words)), [word[:WORDS] for word in words], rotation=30, ha="right")
                panel.margins(x=0.2)
            panel.plot(across, values, "o", markersize=4, color=theme.rivals["model"], alpha=0.7)
            panel.set_xlabel(name)
            if min(values) > 0:
                panel.set_yscale("log")
            panel.grid(axis="y")
        figure.supylabel(up, fontsize="medium")
    return figure
