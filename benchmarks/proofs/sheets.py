"""The pictures that proofs show: mosaics of features, and samples in rows (`isthmus.drawing.figures.picture_grid`)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

import isthmus as ist
from isthmus.drawing.theme import LIGHT, drawing, sheet

WIDTH = 7.0
"""Inches."""


def mosaics(panels: Mapping[str, Tensor], *, across: int = 10, signed: bool = False) -> Figure:
    """Panels side by side, each a mosaic of small pictures under its title.

    panels: title → (n, H, W) or (n, 1, H, W), grey, or (n, 3, H, W). across: pictures in a row of a panel.
    signed: pictures of weights; 0 is grey and each has a scale of its own, else 0..1 is black to white.
    """
    boards = {title: _board(pictures, across, signed) for title, pictures in panels.items()}
    each = WIDTH / len(boards)
    tallest = max(board.shape[0] / board.shape[1] for board in boards.values())
    with drawing(LIGHT):
        figure = sheet(WIDTH, each * tallest + 0.35)
        for place, (title, board) in enumerate(boards.items()):
            axes = figure.add_subplot(1, len(boards), place + 1)
            axes.imshow(board, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_title(title, fontsize=9)
            axes.set_axis_off()
    return figure


def curves(lines: Mapping[str, Sequence[tuple[float, float]]], across: str, up: str) -> Figure:
    """Lines through (x, y) points by their titles, y on a logarithmic scale; `across` and `up` name the axes."""
    with drawing(LIGHT):
        figure = sheet(WIDTH * 0.7, WIDTH * 0.42)
        axes = figure.add_subplot()
        for title, points in lines.items():
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=title)
        axes.set_yscale("log")
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.set_xlim(left=0)
        axes.legend(frameon=False)
    return figure


def one_of_each(data: ist.Data) -> Tensor:
    """(10,) int64: where in the test part the first sample of each label is."""
    labels = data.test.labels
    assert labels is not None
    return torch.tensor([int((labels == label).nonzero()[0, 0]) for label in labels.unique().tolist()])


@torch.no_grad()
def features(model: ist.Autoencoder, count: int | None = None) -> Tensor:
    """(count, *shape) what one unit of the code adds to the output (before its link), for `count` units or for all.

    Of a decoder of one product, these are its weights.
    """
    size = model.code_shape[0]
    units = torch.linspace(0, size - 1, min(count or size, size)).round().long()
    alone = torch.eye(size)[units]
    return model.decoder(alone) - model.decoder(torch.zeros_like(alone))


def _board(pictures: Tensor, across: int, signed: bool) -> np.ndarray:
    """(n, H, W), (n, 1, H, W) or (n, 3, H, W) to one picture in 0..1, (h, w, 1 or 3), white between them."""
    channels = 3 if pictures.ndim == 4 and pictures.shape[1] == 3 else 1
    pictures = pictures.detach().float().cpu().reshape(-1, channels, *pictures.shape[-2:])
    if signed:
        most = pictures.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
        pictures = 0.5 + 0.5 * pictures / most
    count, _, height, width = pictures.shape
    down = -(-count // across)
    board = torch.ones(channels, down * (height + 1) - 1, across * (width + 1) - 1)
    for place, picture in enumerate(pictures):
        top, left = place // across * (height + 1), place % across * (width + 1)
        board[:, top : top + height, left : left + width] = picture
    return board.clamp(0, 1).permute(1, 2, 0).numpy()
