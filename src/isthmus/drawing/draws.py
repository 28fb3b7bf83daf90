"""Figures of drawn samples: pictures side by side, series as small lines, table rows as points among the data."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from isthmus.data.precision import floating
from isthmus.data.samples import Samples
from isthmus.drawing.figures import picture_grid
from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet
from isthmus.pca import principal_components

LEAST_SIDE = 480
"""A mosaic of small pictures is magnified to a width of about so many pixels."""


def mosaic(pictures: np.ndarray) -> np.ndarray:
    """(N, C, H, W) bytes as one picture (C, height, width), about square, white between them; small ones magnified."""
    count, channels, height, width = pictures.shape
    across = min(count, math.ceil(math.sqrt(count * height / width)))
    times = max(1, round(LEAST_SIDE / (across * (width + 1))))
    pictures = pictures.repeat(times, axis=2).repeat(times, axis=3)
    height, width = height * times + times, width * times + times
    board = np.full((channels, -(-count // across) * height - times, across * width - times), 255, np.uint8)
    for place, picture in enumerate(pictures):
        top, left = place // across * height, place % across * width
        board[:, top : top + height - times, left : left + width - times] = picture
    return board


def picture_board(
    scaled: Tensor, *, bounds: tuple[float, float], across: int = 10, captions: Sequence[str] = (), theme: Theme = LIGHT
) -> Figure:
    """(N, C, H, W) scaled pictures in rows of `across`; captions stand above the columns."""
    whole = len(scaled) - len(scaled) % min(across, len(scaled))
    rows = {" " * place: row for place, row in enumerate(scaled[:whole].split(min(across, len(scaled))))}
    return picture_grid(rows, captions=captions, bounds=bounds, theme=theme)


def series_board(values: Tensor, *, across: int = 5, captions: Sequence[str] = (), theme: Theme = LIGHT) -> Figure:
    """The first channel of (N, C, T) series, each in a small panel of its own, all on one scale."""
    lines = floating(values[:, 0]).cpu().numpy()
    across = min(across, len(lines))
    down = -(-len(lines) // across)
    known = lines[np.isfinite(lines)]
    bounds = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    slack = 0.05 * ((bounds[1] - bounds[0]) or 1.0)
    with drawing(theme):
        figure = sheet(5.4, 0.3 + 0.6 * down, fitted=False)
        figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=1 - 0.2 / (0.3 + 0.6 * down), wspace=0.05)
        for place, line in enumerate(lines):
            axes = figure.add_subplot(down, across, place + 1)
            axes.plot(line, color=theme.rivals["model"], linewidth=1)
            axes.set_ylim(bounds[0] - slack, bounds[1] + slack)
            axes.set_axis_off()
            if place < len(captions):
                axes.set_title(captions[place], fontsize=8)
    return figure


def clouds(real: Tensor, drawn: Tensor, *, theme: Theme = LIGHT) -> Figure:
    """(N, D) real and (M, D) drawn rows, scaled, as points in the plane of the real rows' first two components."""
    real, drawn = (of.flatten(1).nan_to_num(0.0) for of in (real, drawn))
    plane = principal_components(Samples(real), torch.Tensor.float, min(2, real.shape[1]))
    with drawing(theme):
        figure = sheet(5.4, 3.8)
        axes = figure.add_subplot(xlabel="the data's 1st principal component", ylabel="2nd")
        for title, rows, colour, marker in (("data", real, "mean", "o"), ("drawn", drawn, "model", "x")):
            points = plane.encode(rows)
            second = points[:, 1] if points.shape[1] > 1 else torch.zeros(len(points))
            size, width = (10, 0.0) if marker == "o" else (22, 1.2)
            look = {"color": theme.rivals[colour], "marker": marker, "s": size, "linewidths": width, "alpha": 0.7}
            axes.scatter(points[:, 0], second, label=title, **look)
        axes.grid(alpha=0.5)
        axes.legend()
    return figure
