"""The report's figures: each function returns a matplotlib `Figure`; `figure.savefig(path)` writes it."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from isthmus.data.precision import floating
from isthmus.data.samples import Samples
from isthmus.drawing.theme import LIGHT, MARKERS, Theme, drawing, sheet
from isthmus.formatting import percent
from isthmus.pca import principal_components

WORDS = {"model": "model", "pca": "PCA", "mean": "mean", "original": "original", "nothing": "doing nothing"} | {
    name: name for name in ("n-gram", "unigram")
}
"""The names of the rivals in a figure."""

MOST_POINTS = 4000
MOST_COLUMNS = 30
LARGEST_PICTURE = 128


def loss_curves(history: Sequence[Mapping[str, Any]], *, best_epoch: int = 0, theme: Theme = LIGHT) -> Figure:
    """Training and validation loss by epoch, with the best epoch marked; a logarithmic axis if they fall tenfold.

    history: one mapping per epoch, with `epoch`, `loss` and, if there is a validation part, `validation_loss`.
    best_epoch: the epoch whose weights were kept; 0: the lowest point of the last curve.
    """
    curves = {}
    for name, label in (("loss", "training"), ("validation_loss", "validation")):
        points = [(row.get("epoch", i + 1), row.get(name)) for i, row in enumerate(history)]
        kept = [(epoch, value) for epoch, value in points if value is not None and np.isfinite(value)]
        if kept:
            curves[label] = np.array(kept, dtype=float).T
    with drawing(theme):
        figure = sheet(5.4, 3.4)
        axes = figure.add_subplot(xlabel="epoch", ylabel="loss")
        styles = {"training": ("original", "-"), "validation": ("model", "--")}
        for label, (epochs, values) in curves.items():
            colour, line = styles[label]
            marker = "o" if len(epochs) < 3 else None
            axes.plot(epochs, values, line, color=theme.rivals[colour], label=label, marker=marker)
        if curves:
            judge = "validation" if "validation" in curves else "training"
            epochs, values = curves[judge]
            best = int(values.argmin())
            if best_epoch in epochs:
                best = int((epochs == best_epoch).argmax())
            axes.axvline(epochs[best], color=theme.rivals["pca"], linewidth=1, linestyle=":")
            axes.plot(
                epochs[best], values[best], "D", color=theme.rivals["pca"], label=f"best: epoch {epochs[best]:.0f}"
            )
            everything = np.concatenate([values for _, values in curves.values()])
            if everything.min() > 0 and everything.max() > 10 * everything.min():
                axes.set_yscale("log")
            axes.legend()
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    return figure


def picture_grid(
    rows: Mapping[str, Tensor],
    *,
    captions: Sequence[str] = (),
    bounds: tuple[float, float] = (0.0, 1.0),
    inches: float = 5.4,
    theme: Theme = LIGHT,
) -> Figure:
    """Pictures in rows, one column per sample.

    rows: the row's name → (n, C, H, W) pictures; one channel is grey, three are colour, four are colour with opacity;
        with any other number, the first channel is shown. Pictures larger than 128 pixels are averaged down.
    captions: n short texts above the columns.
    bounds: the values of black and white. inches: the least width of the figure.
    """
    pictures = [displayable(batch, bounds) for batch in rows.values()]
    count, height, width = pictures[0].shape[:3]
    gap = max(1, round(0.08 * max(height, width)))
    board = np.zeros((len(pictures) * (height + gap) - gap, count * (width + gap) - gap, 4))
    for i, batch in enumerate(pictures):
        for j, picture in enumerate(batch):
            top, left = i * (height + gap), j * (width + gap)
            board[top : top + height, left : left + width] = picture
    with drawing(theme):
        names = max(_inches(name, 7.5) for name in rows)
        left = 0.16 + names if names else 0.06
        wide = max(inches, 0.45 * count) if count > 1 else 2 + left
        last = _inches(captions[-1], 9) if captions else 0.0  # may be wider than its picture
        half = width / board.shape[1] / 2
        right = max(0.06, (0.06 + last / 2 - (wide - left) * half) / (1 - half))
        above, below = 0.3 if any(captions) else 0.06, 0.06
        across = wide - left - right
        down = across * board.shape[0] / board.shape[1]
        figure = sheet(wide, above + down + below, fitted=False)  # by hand, to leave no empty band
        tall = figure.get_figheight()
        axes = figure.add_axes((left / wide, below / tall, across / wide, down / tall))
        axes.imshow(board, interpolation="nearest")
        axes.spines[:].set_visible(False)
        middles = [i * (height + gap) + (height - 1) / 2 for i in range(len(pictures))]
        axes.set_yticks(middles, list(rows), va="center", fontsize=7.5)
        places = [j * (width + gap) + (width - 1) / 2 for j in range(len(captions))]
        fits = across / count / max((_inches(caption, 9) for caption in captions if caption), default=1.0)
        size = 9.0 if fits > 1.1 or sum(map(bool, captions)) < len(captions) else max(5.5, 9 * fits / 1.1)
        axes.set_xticks(places, list(captions), fontsize=size)
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    return figure


@functools.lru_cache(256)  # names and captions are the same in light and dark
def _inches(text: str, size: float) -> float:
    """The width of a text's widest line in inches, at a font size in points."""
    lines = [line for line in text.replace("$", "S").splitlines() if line.strip()]  # "$" would begin a formula
    return max((float(TextPath((0, 0), line, size=size).get_extents().width) / 72 for line in lines), default=0.0)


def series_lines(
    rows: Mapping[str, Tensor], *, captions: Sequence[str] = (), inches: float = 5.4, theme: Theme = LIGHT
) -> Figure:
    """Series as lines, one panel per sample: the original, the model's and PCA's reconstruction over each other.

    rows: "original", "model", "pca" → (n, C, T); the first channel is shown; other names get other colours. NaN leaves
        a gap in the line.
    """
    lines = {name: floating(batch[:, 0]).cpu().numpy() for name, batch in rows.items()}
    count = len(next(iter(lines.values())))
    across = min(2, count)
    down = -(-count // across)
    with drawing(theme):
        height = 0.4 + 1.4 * down
        figure = sheet(inches, height, fitted=False)
        figure.subplots_adjust(
            left=0.07, right=0.99, bottom=0.25 / height, top=1 - 0.5 / height, hspace=0.5, wspace=0.15
        )
        for i in range(count):
            axes = figure.add_subplot(down, across, i + 1)
            for place, (name, batch) in enumerate(lines.items()):
                style = {"original": (2.4, "-", 0.45), "pca": (1.2, "--", 1)}.get(name, (1.4, "-", 1))
                axes.plot(
                    batch[i],
                    color=theme.rivals.get(name, theme.labels[place % len(theme.labels)]),
                    linewidth=style[0],
                    linestyle=style[1],
                    alpha=style[2],
                    label=WORDS.get(name, name),
                )
            if i < len(captions):
                axes.set_title(fitted(captions[i], 0.9 * inches / across, 9), loc="left", fontsize=9)
            axes.tick_params(labelsize=8)
            axes.margins(x=0.01)
            if i == 0:
                figure.legend(*axes.get_legend_handles_labels(), loc="upper center", ncols=len(lines), fontsize=9)
    return figure


def error_histogram(
    errors: Mapping[str, Tensor],
    *,
    what: str = "mean squared error of a sample (scaled units²)",
    theme: Theme = LIGHT,
) -> Figure:
    """Histogram of the samples' errors, for the model and its rival; their means as lines. what: the errors' name.

    errors: "model", "pca" (or "nothing") → (N,). A logarithmic axis if the largest is over 50 times the median.
    """
    known = {name: values.double().cpu().numpy() for name, values in errors.items()}
    known = {name: values[np.isfinite(values)] for name, values in known.items()}
    known = {name: values for name, values in known.items() if len(values)}
    with drawing(theme):
        figure = sheet(5.4, 3.4)
        axes = figure.add_subplot(xlabel=what, ylabel="samples")
        if not known:
            return figure
        pooled = np.concatenate(list(known.values()))
        log = pooled.min() > 0 and pooled.max() > 50 * np.median(pooled)
        bins = _bins(pooled, log, count=int(np.clip(np.sqrt(len(pooled)), 8, 60)))
        for name, values in known.items():
            colour = theme.rivals.get(name, theme.ink)
            filled = name == "model"
            axes.hist(
                values,
                bins=bins,
                histtype="stepfilled" if filled else "step",
                color=colour,
                alpha=0.55 if filled else 1,
                linewidth=1.6,
                linestyle="-" if filled else "--",
                label=f"{WORDS.get(name, name)} (mean {values.mean():.3g})",
            )
            axes.axvline(values.mean(), color=colour, linewidth=1, linestyle=":")
        if log:
            axes.set_xscale("log")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.legend()
    return figure


def code_plane(codes: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Codes (N, *code) as points of a plane: (N, 2), or (N, 1) for one latent dimension, and the axes' names.

    Codes with two dimensions are the plane itself; larger ones are projected onto their first two principal components,
    whose names contain the share of the codes' variance that each explains.
    """
    flat = codes.detach().cpu().flatten(1)
    if flat.shape[1] == 1:
        return flat.float(), ("latent dimension 0",)
    if flat.shape[1] == 2 or not len(flat):
        return flat[:, :2].float(), ("latent dimension 0", "latent dimension 1")
    plane = principal_components(Samples(flat), Tensor.float, 2)
    total = plane.total_variance
    shares = [float(variance) / total if total > 0 else 0.0 for variance in plane.variances]
    ordinals = ("1st", "2nd")
    names = [f"code's {n} principal component ({percent(share, 0)})" for n, share in zip(ordinals, shares, strict=True)]
    return plane.encode(flat), tuple(names)


def code_map(
    codes: Tensor, labels: Tensor | None = None, label_names: Sequence[str] = (), *, theme: Theme = LIGHT
) -> Figure:
    """Samples in the latent space, coloured by label, with each label's name at its median.

    codes: (N, *code); see `code_plane` for codes with more than two dimensions. More than 4000 are thinned out evenly.
    labels: (N,) int64, or None.
    """
    kept = torch.arange(len(codes))
    if len(codes) > MOST_POINTS:
        kept = torch.linspace(0, len(codes) - 1, MOST_POINTS).round().long()
    finite = codes[kept].detach().cpu().flatten(1).isfinite().all(1)
    points, names = code_plane(codes[kept].cpu()[finite])
    marks = None if labels is None else labels[kept].cpu()[finite].numpy()
    with drawing(theme):
        figure = sheet(5.4, 4.4)
        axes = figure.add_subplot(xlabel=names[0], ylabel=names[1] if len(names) > 1 else "")
        if not len(points):
            return figure
        if points.shape[1] == 1:
            _code_line(axes, points[:, 0].numpy(), marks, label_names, theme)
        else:
            code_points(axes, points.numpy(), marks, label_names, theme)
        axes.grid(alpha=0.5)
    return figure


def column_bars(columns: Mapping[str, Tensor], names: Sequence[str] = (), *, theme: Theme = LIGHT) -> Figure:
    """Explained variance of each column: a bar for the model, a mark for PCA, worst first; of many, the 30 worst.

    columns: "model", "pca" → (D,) explained variances; NaN (a column that does not vary) is left out.
    """
    model = columns["model"].double().cpu().numpy()
    order = [int(i) for i in np.argsort(model, kind="stable") if np.isfinite(model[i])]
    shown = order[:MOST_COLUMNS]
    with drawing(theme):
        figure = sheet(5.4, 0.9 + 0.24 * max(1, len(shown)))
        axes = figure.add_subplot(xlabel="explained variance (1 is exact, 0 no better than the mean)")
        at = np.arange(len(shown))
        values = model[shown]
        axes.barh(at, values.clip(-1, 1), color=theme.rivals["model"], alpha=0.75, label="model")
        if "pca" in columns:
            rival = columns["pca"].double().cpu().numpy()[shown]
            axes.plot(rival.clip(-1, 1), at, "D", color=theme.rivals["pca"], markersize=4.5, label="PCA")
        axes.set_yticks(at, [short_name(names[i]) if names else f"column {i + 1}" for i in shown], fontsize=8)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.axvline(0, color=theme.faint, linewidth=1)
        axes.set_xlim(min(0.0, float(values.min(initial=0)) * 1.05, -0.02) if len(shown) else 0, 1.02)
        if len(shown) and values.min() < -1:
            axes.set_xlim(-1.05, 1.02)
            axes.set_title("values below −1 are cut off", loc="left", fontsize=8)
        axes.grid(axis="x")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


def displayable(batch: Tensor, bounds: tuple[float, float]) -> np.ndarray:
    """(n, C, H, W) in `bounds` to (n, h, w, 4) in 0..1."""
    low, high = bounds
    batch = ((batch.detach().float().cpu() - low) / ((high - low) or 1.0)).nan_to_num(0.0).clamp(0, 1)
    height, width = batch.shape[-2:]
    if max(height, width) > LARGEST_PICTURE:
        shrink = LARGEST_PICTURE / max(height, width)
        size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
        batch = torch.nn.functional.adaptive_avg_pool2d(batch, size)
    if batch.shape[1] not in (3, 4):
        batch = batch[:, :1].expand(-1, 3, -1, -1)
    if batch.shape[1] == 3:
        batch = torch.cat((batch, torch.ones_like(batch[:, :1])), 1)
    return batch.permute(0, 2, 3, 1).numpy()


def _bins(values: np.ndarray, log: bool, count: int) -> list[float]:
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-9 * max(abs(high), 1e-30):  # all equal: one bin around them
        return np.linspace(low - 0.5 * (abs(low) or 1), low + 0.5 * (abs(low) or 1), 8).tolist()
    return (np.geomspace if log else np.linspace)(low, high, count + 1).tolist()


def code_points(
    axes: Axes,
    points: np.ndarray,
    marks: np.ndarray | None,
    names: Sequence[str],
    theme: Theme,
    *,
    faint: bool = False,
) -> None:
    """Points (N, 2), coloured by their marks (N,), each mark's name at its median. faint: draw them as a background."""
    x, y = points.T
    size = float(np.clip(6000 / len(x), 5, 36))
    alpha = 0.35 if faint else 0.8
    if marks is None:
        axes.scatter(x, y, s=size, color=theme.rivals["model"], alpha=0.6, linewidths=0)
        return
    for label in np.unique(marks):
        here = marks == label
        look = {"color": theme.labels[label % 10], "marker": MARKERS[label // 10 % 10]}
        axes.scatter(x[here], y[here], s=size, alpha=alpha, linewidths=0, label=_called(label, names), **look)
    if len(np.unique(marks)) <= 40:
        outline: list[AbstractPathEffect] = [withStroke(linewidth=2.5, foreground=theme.paper)]
        for label in np.unique(marks):
            here = marks == label
            middle = float(np.median(x[here])), float(np.median(y[here]))
            text = axes.annotate(
                _called(label, names), middle, ha="center", va="center", weight="bold", fontsize=10, zorder=5
            )
            text.set_path_effects(outline)


def _code_line(axes: Axes, x: np.ndarray, marks: np.ndarray | None, names: Sequence[str], theme: Theme) -> None:
    """Codes with one latent dimension: a histogram, or a row of ticks for each label."""
    if marks is None:
        axes.hist(x, bins=_bins(x, log=False, count=40), color=theme.rivals["model"], alpha=0.75)
        axes.set_ylabel("samples")
        return
    present = np.unique(marks)
    for row, label in enumerate(present):
        here = x[marks == label]
        axes.scatter(
            here, np.full(len(here), row), marker="|", s=220 / max(1, len(present) / 10), color=theme.labels[label % 10]
        )
    axes.set_yticks(np.arange(len(present)), [_called(label, names) for label in present])
    axes.invert_yaxis()


def _called(label: int, names: Sequence[str]) -> str:
    return short_name(names[label]) if 0 <= label < len(names) else str(label)


def fitted(text: str, inches: float, size: float) -> str:
    """The text in lines that are no wider than this at a font size in points, with "$" escaped; no letter is lost."""
    lines, words = [], text.split()
    while words:
        count = len(words)
        while count > 1 and _inches(" ".join(words[:count]), size) > inches:
            count -= 1
        lines.append(" ".join(words[:count]))
        words = words[count:]
    return "\n".join(lines).replace("$", r"\$")


def short_name(text: str, most: int = 22) -> str:
    """The text cut to `most` letters, with "$" escaped, which matplotlib would read as mathematics."""
    text = text if len(text) <= most else text[: most - 1] + "…"
    return text.replace("$", r"\$")
