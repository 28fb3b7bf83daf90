"""Figures of anomalous samples: their scores with the threshold, and maps of their errors."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from isthmus.drawing.figures import picture_grid
from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

HEAT, HEAT_SHARES = "inferno", "Blues"
FRAME, SHADE = "#00a0ff", "#00000080"
MOST_COLUMNS = 12
"""Columns of a table that are drawn by name."""
LEAST_SHARE = 0.005
"""Smaller shares get no number."""


def score_histogram(groups: Mapping[str, Tensor], threshold: float, label: str, *, theme: Theme = LIGHT) -> Figure:
    """Histogram of each group's scores, with the threshold dashed; a log axis if the largest is 10 times the median."""
    known = {name: values.double().numpy() for name, values in groups.items()}
    known = {name: values[np.isfinite(values)] for name, values in known.items()}
    pooled = np.concatenate([*known.values(), [threshold]])
    with drawing(theme):
        figure = sheet(5.4, 3.2)
        axes = figure.add_subplot(xlabel=f"score: {label}", ylabel="share of the samples")
        log = pooled.min() > 0 and pooled.max() > 10 * np.median(pooled)
        low, high = float(pooled.min()), float(pooled.max())
        high = high if high > low else low + 1
        bins = (np.geomspace if log else np.linspace)(low, high, 41)
        colours = [theme.rivals["model"], *theme.labels[1:]]
        for place, (name, values) in enumerate(known.items()):
            if len(values):
                weights = np.full(len(values), 1 / len(values))
                style = (
                    {"alpha": 0.45, "histtype": "stepfilled"} if not place else {"histtype": "step", "linewidth": 1.6}
                )
                axes.hist(values, bins=bins.tolist(), weights=weights, color=colours[place % 10], label=name, **style)
        axes.axvline(threshold, color=theme.ink, linewidth=1.2, linestyle="--", label="threshold")
        if log:
            axes.set_xscale("log")
        axes.grid(axis="y")
        axes.legend()
    return figure


def picture_heat(
    clean: Tensor,
    made: Tensor,
    errors: Tensor,
    *,
    bounds: tuple[float, float] | None = None,
    titles: Sequence[str] = (),
    theme: Theme = LIGHT,
) -> Figure:
    """Pictures (n, C, H, W), their reconstructions, and maps of the squared error: dark for none, bright for most.

    bounds: the values of black and white.
    """
    low, high = bounds or (float(clean.nan_to_num().min()), float(clean.nan_to_num().max()))
    heat = errors.float().mean(1).nan_to_num(0.0)
    heat = heat / heat.amax().clamp(min=1e-30)
    colours = torch.from_numpy(mpl.colormaps[HEAT](heat.sqrt().numpy())[..., :3]).permute(0, 3, 1, 2).float()

    def light(pictures: Tensor) -> Tensor:
        shown = ((pictures.float() - low) / ((high - low) or 1.0)).clamp(0, 1)
        return shown if shown.shape[1] in (3, 4) else shown[:, :1].expand(-1, 3, -1, -1)

    rows = {"sample": light(clean), "reconstruction": light(made), "error": colours}
    alike = {name: batch[:, :3] for name, batch in rows.items()}
    return picture_grid(alike, captions=titles, theme=theme)


def series_heat(
    clean: Tensor, made: Tensor, errors: Tensor, *, titles: Sequence[str] = (), theme: Theme = LIGHT
) -> Figure:
    """The first channel of series (n, C, T), its reconstruction, and the error over time as shading."""
    heat = errors.float().mean(1).nan_to_num(0.0)
    heat = heat / heat.amax().clamp(min=1e-30)
    count = min(6, len(clean))
    with drawing(theme):
        figure = sheet(5.4, 0.5 + 1.1 * count)
        for place in range(count):
            axes = figure.add_subplot(count, 1, place + 1)
            line, back = clean[place, 0].float().numpy(), made[place, 0].float().numpy()
            lowest, highest = np.nanmin([line, back]), np.nanmax([line, back])
            span = (-0.5, len(line) - 0.5, float(lowest), float(highest if highest > lowest else lowest + 1))
            axes.imshow(heat[place][None].numpy(), aspect="auto", extent=span, cmap="Reds", vmin=0, vmax=1, alpha=0.6)
            axes.plot(line, color=theme.rivals["original"], linewidth=1.4, label="sample")
            axes.plot(back, "--", color=theme.rivals["model"], linewidth=1.2, label="reconstruction")
            if place < len(titles):
                axes.set_title(titles[place], loc="left", fontsize=8)
            axes.tick_params(labelsize=7)
            if not place:
                figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=8)
    return figure


def cell_shares(
    rows: Sequence[Sequence[tuple[str, float]]], titles: Sequence[str] = (), *, theme: Theme = LIGHT
) -> Figure:
    """For each row of a table, the share of its score that each named column explains, and the rest; together 100 %.

    rows: (column, share) of the anomalous columns. titles: of the rows.
    """
    totals: dict[str, float] = {}
    for name, share in (cell for row in rows for cell in row):
        totals[name] = totals.get(name, 0.0) + share
    names = sorted(totals, key=totals.__getitem__, reverse=True)[:MOST_COLUMNS]
    table = np.zeros((len(rows), len(names) + 1))
    for place, row in enumerate(rows):
        known = dict(row)
        table[place, :-1] = [known.get(name, 0.0) for name in names]
        table[place, -1] = max(0.0, 1 - table[place, :-1].sum())
    with drawing(theme):
        figure = sheet(1.6 + 0.6 * (len(names) + 1), 1.3 + 0.28 * len(rows))
        axes = figure.add_subplot(ylabel="row, by its score")
        axes.imshow(table, aspect="auto", cmap=HEAT_SHARES, vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(table):
            if share >= LEAST_SHARE:
                colour = "white" if share > 0.6 else "black"
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8, color=colour)
        labels = [name.replace("$", r"\$") for name in [*names, "the rest"]]
        axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
        axes.set_yticks(
            range(len(rows)), titles[: len(rows)] if titles else [str(place + 1) for place in range(len(rows))]
        )
        axes.set_title("share of the row's score that each column explains (%)", loc="left", fontsize=9)
    return figure


def place_maps(
    pictures: Sequence[tuple[str, Tensor, Tensor, Sequence[tuple[int, int, float]]]],
    tile: tuple[int, int],
    threshold: float,
    *,
    bounds: tuple[float, float] | None = None,
    theme: Theme = LIGHT,
) -> Figure:
    """Whole pictures with their most anomalous tiles framed, and maps of their scores; the first frame has a label.

    pictures: name, (C, H, W) scaled picture, (H, W) scores, and (row, column, score) of its most anomalous tiles. tile:
    height and width. threshold: marked on the scale of the scores. bounds: the values of black and white.
    """
    finite = torch.cat([scores.flatten() for _, _, scores, _ in pictures])
    finite = finite[finite.isfinite()]
    top = max(float(finite.max()) if len(finite) else 0.0, threshold)
    with drawing(theme):
        heights = [6.6 / 2 * picture.shape[1] / picture.shape[2] + 0.35 for _, picture, _, _ in pictures]
        figure = sheet(7.2, sum(heights) + 0.3)
        grid = figure.subplots(len(pictures), 2, squeeze=False, height_ratios=heights)
        image = None
        for (left, right), (name, picture, scores, worst) in zip(grid, pictures, strict=True):
            low, high = bounds or (float(picture.min()), float(picture.max()))
            light = ((picture.float() - low) / ((high - low) or 1.0)).clamp(0, 1)
            light = light if len(light) in (3, 4) else light[:1].expand(3, -1, -1)
            left.imshow(light.permute(1, 2, 0).numpy(), interpolation="nearest")
            image = right.imshow(scores.nan_to_num(top, top).numpy(), cmap=HEAT, vmin=0, vmax=top)
            left.set_title(name, loc="left", fontsize=9)
            for row, column, _ in worst:
                for axes in (left, right):
                    corner = (column - 0.5, row - 0.5)
                    axes.add_patch(Rectangle(corner, tile[1], tile[0], fill=False, color=FRAME, linewidth=1.4))
            for row, column, score in worst[:1]:  # labels of the others might overlap
                words = f"{row},{column}: {score:.2g}"
                left.text(column, row, words, fontsize=7, color="white", va="bottom", backgroundcolor=SHADE)
            for axes in (left, right):
                axes.set_axis_off()
        assert image is not None
        bar = figure.colorbar(image, ax=grid[:, 1].tolist(), label="score", shrink=0.9)
        bar.ax.axhline(threshold, color=FRAME, linewidth=1.4)
    return figure


def bit_maps(pictures: Tensor, bits: Tensor, *, titles: Sequence[str] = (), theme: Theme = LIGHT) -> Figure:
    """Raw pictures (n, C, H, W) from 0 to 255, and maps of their bits (n, 1, H, W): dark for none, bright for most."""
    heat = (bits[:, 0] / bits.amax().clamp(min=1e-30)).float()
    colours = torch.from_numpy(mpl.colormaps[HEAT](heat.numpy())[..., :3]).permute(0, 3, 1, 2).float()
    shown = (pictures.float() / 255).clamp(0, 1)
    shown = shown if shown.shape[1] == 3 else shown[:, :1].expand(-1, 3, -1, -1)
    return picture_grid({"sample": shown, "bits": colours}, captions=titles, theme=theme)
