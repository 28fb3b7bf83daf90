"""Figures of a traverse: pictures with maps of their change, and column changes by latent dimension."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from isthmus.drawing.figures import displayable, picture_grid, short_name
from isthmus.drawing.look import Look
from isthmus.drawing.rows import MOST_COLUMNS
from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet


def picture_changes(
    rows: Mapping[str, Tensor], where: Sequence[Tensor], look: Look, *, captions: Sequence[str], theme: Theme = LIGHT
) -> Figure:
    """Rows of pictures, (n, C, H, W) raw, each with a heat map of the change at its end.

    where: for each row (C, H, W), 0 where nothing changes; the brightest colour is the largest change of all rows.
    captions: n + 1 texts above the columns.
    """
    scaled = {name: look.scaled(pictures) for name, pictures in rows.items()}
    bounds = look.bounds(list(scaled.values()))
    heat = torch.stack([changed.float().square().sum(0).sqrt() for changed in where])
    colours = mpl.colormaps["inferno"]((heat / heat.max().clamp(min=1e-12)).numpy())[..., :3]
    hot = torch.from_numpy(colours).movedim(-1, 1).float()
    shown = {}
    for place, (name, pictures) in enumerate(scaled.items()):
        seen = torch.from_numpy(displayable(pictures, bounds)[..., :3]).movedim(-1, 1)
        last = torch.nn.functional.interpolate(hot[place][None], seen.shape[-2:])
        shown[name] = torch.cat((seen, last))
    return picture_grid(shown, captions=captions, theme=theme)


def column_changes(changes: Tensor, rows: Sequence[str], columns: tuple[str, ...], *, theme: Theme = LIGHT) -> Figure:
    """A table of colours: how much each row's latent dimension changes each column; of many, the most changed.

    changes: (rows, columns), in scaled units.
    """
    kept = changes.abs().amax(0).sort(descending=True, stable=True).indices[:MOST_COLUMNS].sort().values
    values = changes[:, kept].numpy()
    most = max(float(np.abs(values).max(initial=0.0)), 1e-12)
    with drawing(theme):
        figure = sheet(max(3.6, 1.6 + 0.3 * len(kept)), 1.5 + 0.26 * len(rows))
        axes = figure.add_subplot()
        image = axes.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto")
        names = [short_name(columns[i], 18) for i in kept.tolist()]
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
        axes.set_yticks(range(len(rows)), list(rows))
        axes.tick_params(length=0, labelsize=8)
        bar = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02)
        bar.ax.tick_params(labelsize=7)
        bar.set_label("change (scaled units)", fontsize=8)
    return figure
