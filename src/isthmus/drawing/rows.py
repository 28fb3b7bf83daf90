"""Samples in rows: pictures as a grid, series and tables as lines that change colour."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from isthmus.drawing.figures import fitted, picture_grid, short_name
from isthmus.drawing.look import Look
from isthmus.drawing.texts import text_rows
from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

if TYPE_CHECKING:
    pass

MOST_COLUMNS, NAMED = 24, 3


def sample_rows(
    rows: Mapping[str, Tensor], look: Look, *, captions: Sequence[str] = (), theme: Theme = LIGHT
) -> Figure:
    """Samples that follow one another, in rows by name: (n, *shape) raw each.

    Pictures stand side by side, with `captions` above them. For series (the first channel) and tables, each row is a
    panel with one line per sample, whose colour changes from the first to the last; of many columns, those that change
    most are shown. Lines with a caption are thicker and appear in the legend. Categories are named above the panel.
    Notes are drawn as piano rolls; other tokens are written in words.
    """
    if look.pictured:
        pictures, bounds = look.pictures(rows)
        return picture_grid(pictures, captions=captions, bounds=bounds, theme=theme)
    if look.kind == "tokens" and look.medium is not None:
        words = {name: look.medium.words(samples) for name, samples in rows.items()}
        return text_rows(words, captions=captions, theme=theme)
    scaled = {name: look.scaled(samples) for name, samples in rows.items()}
    titles = {name: " → ".join(text for text, _ in groupby(category_names(raw, look))) for name, raw in rows.items()}
    return _lines(scaled, look, captions, titles, theme)


def column_lines(scaled: Mapping[str, Tensor], look: Look) -> tuple[dict[str, np.ndarray], list[str]]:
    """Series or rows of a table as (n, points) lines, and the points' names: none for series.

    Categories have no height, so they are left out. Of more than 24 columns, only those that change most remain.
    """
    if look.kind == "series":
        return {name: samples[:, 0].numpy() for name, samples in scaled.items()}, []
    flat = {name: samples.flatten(1) for name, samples in scaled.items()}
    spans = torch.stack([s.nan_to_num(0.0).amax(0) - s.nan_to_num(0.0).amin(0) for s in flat.values()]).amax(0)
    numbers = ~torch.tensor(look.scaling.levels or (0,) * len(spans)).bool()
    order = spans.sort(descending=True, stable=True).indices
    kept = order[numbers[order]][:MOST_COLUMNS].sort().values
    names = look.columns or tuple(f"column {i + 1}" for i in range(len(spans)))
    return {name: samples[:, kept].numpy() for name, samples in flat.items()}, [names[i] for i in kept.tolist()]


def category_names(samples: Tensor, look: Look) -> list[str]:
    """What the categories of each of (n, columns) raw rows are called, "Rome, latte"; "" where there are none.

    Of three columns at most, those first that change.
    """
    rows = samples.flatten(1)
    places = [i for i, names in enumerate(look.categories) if names]
    chosen = sorted(sorted(places, key=lambda i: bool((rows[:, i] == rows[0, i]).all()))[:NAMED])
    return [", ".join(str(look.told(i, value[i])) for i in chosen) for value in rows.tolist()]


def name_points(axes: Axes, names: Sequence[str]) -> None:
    """Write the columns' names below the points of a line; a series has steps of time instead."""
    if names:
        axes.set_xticks(range(len(names)), [short_name(name, 14) for name in names], rotation=60, ha="right")
        axes.tick_params(labelsize=7)


def _lines(
    scaled: Mapping[str, Tensor], look: Look, captions: Sequence[str], categories: Mapping[str, str], theme: Theme
) -> Figure:
    lines, names = column_lines(scaled, look)
    colours = LinearSegmentedColormap.from_list("way", [theme.rivals["model"], theme.rivals["pca"]])
    with drawing(theme):
        figure = sheet(5.4, 0.6 + (1.7 if names else 1.5) * len(lines))
        panels = figure.subplots(len(lines), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (title, samples) in zip(panels, lines.items(), strict=True):
            for i, sample in enumerate(samples):
                said = captions[i] if captions else ""
                axes.plot(
                    sample,
                    color=colours(i / max(1, len(samples) - 1)),
                    linewidth=1.8 if said or i in (0, len(samples) - 1) else 1.0,
                    marker="o" if names else None,
                    markersize=2.5,
                    label=said or None,
                )
            named = f"{title}: {categories[title]}" if categories[title] else title
            axes.set_title(fitted(named, 4.8, 9), loc="left", fontsize=9)
            axes.tick_params(labelsize=8)
            axes.margins(x=0.02)
        name_points(panels[-1], names)
        figure.supylabel("scaled units", fontsize=8)
        if any(captions):
            across = max(1, 64 // (6 + max(map(len, captions))))
            figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=across, fontsize=8)
    return figure
