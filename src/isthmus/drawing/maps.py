"""Maps: samples as points with labels and thumbnails, next to decoded positions of the same plane."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.drawing.figures import code_points, displayable, short_name
from isthmus.drawing.look import Look
from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet
from isthmus.shown import Shown

SIZE = 1 / 22
"""A thumbnail's side, as a share of the map's."""
COLUMNS = 4
"""Columns of a table whose values over the plane are shown."""
CATEGORIES = 5
"""Categories of a column with a colour of their own; the others share one."""


@dataclass(frozen=True, eq=False, repr=False)
class Plane(Shown):
    """A grid of decoded positions over a map.

    samples: (down · across, *shape) raw, row by row from the bottom. shown: (down · across,) whether a position is near
    enough to the data to be meaningful. extent: left, right, bottom, top on the map.
    """

    samples: Tensor
    shown: Tensor
    across: int
    down: int
    extent: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Colouring:
    """Numbers that colour the points of a map: a column, an error, a score.

    values: (N,) float64, NaN where unknown. names: of categories, whose numbers are the values; () for plain numbers.
    """

    name: str
    values: Tensor
    names: tuple[str, ...] = ()

    @property
    def bounds(self) -> tuple[float, float]:
        """The numbers of the darkest and of the brightest colour: the outermost hundredths have the same colours."""
        known = self.values[self.values.isfinite()].double()
        if not len(known):
            return 0.0, 1.0
        low, high = (float(bound) for bound in known.quantile(torch.tensor([0.01, 0.99], dtype=torch.float64)))
        return (low, high) if high > low else (low - 0.5, low + 0.5)


def draw_map(
    points: Tensor,
    samples: Samples,
    axes: tuple[str, str],
    look: Look,
    plane: Plane | None,
    *,
    colouring: Colouring | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """The map (N, 2) of N samples, coloured by label or by numbers; next to it the decoded plane, if there is one."""
    with drawing(theme):
        both = plane is not None
        figure = sheet(8.0 if both else 5.6, 4.2 if both else 5.4)
        halves = figure.add_gridspec(1, 2 if both else 1)  # one grid for all panels, so that none covers another
        left = figure.add_subplot(halves[0], xlabel=axes[0], ylabel=axes[1])
        left.set_title(f"{len(points):,} samples", loc="left", fontsize=9)
        if colouring is not None and not colouring.names:
            _coloured(figure, left, points, colouring, theme)
        else:
            labels = samples.labels if colouring is None else colouring.values.nan_to_num(-1).long()
            names = samples.label_names if colouring is None else colouring.names
            pictured = look.pictured and colouring is None
            code_points(left, points.numpy(), None if labels is None else labels.numpy(), names, theme, faint=pictured)
            if pictured:
                _thumbnails(left, points, samples, look, theme)
        left.tick_params(labelsize=8)
        if plane is not None:
            _draw_plane(figure, halves[1], plane, axes, look, theme)
    return figure


def _coloured(figure: Figure, axes: Axes, points: Tensor, colouring: Colouring, theme: Theme) -> None:
    """Points with colours from dark for low to bright for high; grey where the number is unknown."""
    low, high = colouring.bounds
    known = colouring.values.isfinite().numpy()
    x, y = points.numpy().T
    size = float(np.clip(6000 / len(x), 8, 36))
    axes.scatter(x[~known], y[~known], s=size, color=theme.faint, linewidths=0)
    order = np.argsort(colouring.values.numpy()[known], kind="stable")  # the highest, which one looks for, on top
    shown = axes.scatter(
        x[known][order],
        y[known][order],
        s=size,
        c=colouring.values.numpy()[known][order],
        vmin=low,
        vmax=high,
        cmap="viridis",
        linewidths=0,
    )
    bar = figure.colorbar(shown, ax=axes, orientation="horizontal", pad=0.02, shrink=0.9, extend="both")
    bar.set_label(short_name(colouring.name, 60), fontsize=9)
    bar.ax.tick_params(labelsize=7)


def plane_board(plane: Plane, look: Look) -> np.ndarray:
    """(height, width, 4) in 0..1: the plane of pictures as one picture, top row first; transparent between them."""
    pictures, bounds = look.pictures({"": plane.samples})
    cells = displayable(pictures[""], bounds) * plane.shown.numpy()[:, None, None, None]
    gap = max(1, round(0.06 * max(cells.shape[1:3])))
    cells = np.pad(cells, ((0, 0), (gap, gap), (gap, gap), (0, 0)))
    rows = cells.reshape(plane.down, plane.across, *cells.shape[1:])[::-1]
    return np.concatenate([np.concatenate(list(row), 1) for row in rows], 0)


def thumbnails(samples: Samples, look: Look) -> np.ndarray:
    """(N, h, w, 4) in 0..1: thumbnails of pictures, at most 32 pixels per side."""
    pictures, bounds = look.pictures({"": samples.tensor()})
    scaled = pictures[""]
    side = max(scaled.shape[-2:])
    if side > 32:
        size = [max(1, round(length * 32 / side)) for length in scaled.shape[-2:]]
        scaled = torch.nn.functional.adaptive_avg_pool2d(scaled, (size[0], size[1]))
    return displayable(scaled, bounds)


def _thumbnails(axes: Axes, points: Tensor, samples: Samples, look: Look, theme: Theme) -> None:
    """Thumbnails of as many samples as fit, at their points; grey ones as ink in their label's colour."""
    low, high = points.amin(0), points.amax(0)
    side = (high - low).clamp(min=1e-9) * SIZE
    kept: list[int] = []
    places = torch.empty(0, 2)
    for i in torch.randperm(len(points), generator=torch.Generator().manual_seed(0)).tolist():
        if not bool((((places - points[i]).abs() / side).amax(1) < 1).any()):
            kept.append(i)
            places = torch.cat((places, points[i : i + 1]))
    chosen = samples.take(kept)
    pictures = thumbnails(chosen, look)
    grey = samples.shape[0] not in (3, 4)
    height, width = pictures.shape[1:3]
    scale = side / max(height, width)
    for place, picture in zip(places, pictures, strict=True):
        label = None if chosen.labels is None else int(chosen.labels[len(axes.images)])
        colour = theme.rivals["model"] if label is None else theme.labels[label % 10]
        x, y = place.tolist()
        wide, tall = float(scale[0]) * width / 2, float(scale[1]) * height / 2
        shown = _ink(picture, colour) if grey else picture
        axes.imshow(shown, extent=(x - wide, x + wide, y - tall, y + tall), aspect="auto", zorder=3)
    margin = side.tolist()
    axes.set_xlim(float(low[0]) - margin[0], float(high[0]) + margin[0])
    axes.set_ylim(float(low[1]) - margin[1], float(high[1]) + margin[1])


def _ink(picture: np.ndarray, colour: str) -> np.ndarray:
    """(h, w, 4) as ink of one colour; the ink is opaque where the picture differs from its edge."""
    grey = picture[..., 0]
    edge = np.median(np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1])))
    ink = np.empty_like(picture)
    ink[..., :3] = to_rgb(colour)
    ink[..., 3] = np.abs(grey - edge) / max(edge, 1 - edge, 1e-9)
    return ink


def _draw_plane(
    figure: Figure, half: SubplotSpec, plane: Plane, names: tuple[str, str], look: Look, theme: Theme
) -> None:
    if look.kind == "table":
        _columns(figure, half, plane, look, theme)
        return
    axes = figure.add_subplot(half, xlabel=names[0], ylabel=names[1] if plane.down > 1 else "")
    axes.set_title("decoded positions of the map", loc="left", fontsize=9)
    axes.tick_params(labelsize=8)
    left, right, bottom, top = plane.extent
    if look.pictured and plane.down == 1:  # a strip of square pictures
        top = bottom + (right - left) / plane.across
        axes.imshow(plane_board(plane, look), extent=(left, right, bottom, top), aspect="equal")
    elif look.pictured:
        axes.imshow(plane_board(plane, look), extent=plane.extent, aspect="auto", interpolation="nearest")
    else:
        scaled = look.scaled(plane.samples)[:, 0].numpy()
        least, most = np.nanmin(scaled), np.nanmax(scaled)
        wide, tall = (right - left) / plane.across, (top - bottom) / plane.down
        steps = np.linspace(0.08, 0.92, scaled.shape[1]) * wide
        for i, line in enumerate(scaled):
            if plane.shown[i]:
                x, y = left + i % plane.across * wide, bottom + i // plane.across * tall
                heights = y + tall * (0.1 + 0.8 * (line - least) / max(most - least, 1e-9))
                axes.plot(x + steps, heights, color=theme.rivals["model"], linewidth=0.9)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    if plane.down == 1:
        axes.set_yticks([])


def _columns(figure: Figure, half: SubplotSpec, plane: Plane, look: Look, theme: Theme) -> None:
    """The columns that change most over the plane, each as a map of its values."""
    values = plane.samples.flatten(1)
    known = look.scaled(plane.samples).flatten(1)[plane.shown]
    order = known.std(0).sort(descending=True, stable=True).indices[:COLUMNS].tolist()
    names = look.columns or tuple(f"column {i + 1}" for i in range(values.shape[1]))
    places = half.subgridspec(2, 2)
    for place, i in enumerate(order):
        axes = figure.add_subplot(places[place // 2, place % 2])
        board = torch.where(plane.shown, values[:, i], torch.nan).view(plane.down, plane.across).numpy()
        called = look.categories[i] if look.categories else ()
        board, ticks, colours = _by_name(board, called, theme) if called else (board, {}, "viridis")
        bounds = (-0.5, len(ticks) - 0.5) if ticks else (None, None)
        image = axes.imshow(
            board, extent=plane.extent, origin="lower", aspect="auto", cmap=colours, vmin=bounds[0], vmax=bounds[1]
        )
        axes.set_title(short_name(names[i], 20), loc="left", fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        bar = figure.colorbar(image, ax=axes, orientation="horizontal", pad=0.03, shrink=0.9)
        if ticks:
            bar.set_ticks(list(ticks), labels=list(ticks.values()))
        bar.ax.tick_params(labelsize=7)


def _by_name(
    board: np.ndarray, called: tuple[str, ...], theme: Theme
) -> tuple[np.ndarray, dict[int, str], ListedColormap]:
    """(down, across) renumbered categories, their names and colours: the most common ones, and the others as one."""
    rounded = np.rint(board).clip(0, len(called) - 1)
    numbers, counts = np.unique(rounded[np.isfinite(rounded)].astype(int), return_counts=True)
    named = np.sort(numbers[np.argsort(-counts, kind="stable")[:CATEGORIES]])
    anew = np.full_like(board, np.nan)
    anew[np.isfinite(board)] = len(named)
    for new, number in enumerate(named):
        anew[rounded == number] = new
    ticks = {new: short_name(called[int(number)], 30 // len(named)) for new, number in enumerate(named)}
    colours = list(theme.labels[: len(named)])
    if len(numbers) > len(named):
        ticks[len(named)] = "others"
        colours.append(theme.faint)
    return anew, ticks, ListedColormap(colours)
