"""Which cells of a row are off: those that, put right from the others, leave least amiss."""

import torch
from torch import Tensor

from isthmus.autoencoder import Autoencoder
from isthmus.data.samples import Samples
from isthmus.drawing.rows import Look
from isthmus.measures import judging
from isthmus.uses.scores import BATCH, elements_of, pass_of

Cell = tuple[str, float | str, float | str, float]
"""A column, what was given, what the row's other cells suggest, and the share of the error that goes with it."""
TRIED = 64
"""Cells of a row, at most."""
LEAST = 0.01
"""Of the error, that a cell is to explain."""
ROUNDS = 10
"""Times that a cell is put where the model brings it back."""


def cells_off(model: Autoencoder, samples: Samples, usual: Tensor, look: Look, most: int = 3) -> list[tuple[Cell, ...]]:
    """For each row of a table the cells that are furthest off, first what explains most of its error.

    A model follows what it is given, so where it errs most need not be what is broken: a weight of 400 pulls the height
    along. Each cell in turn is therefore put to its usual value and, some rounds, to what the model then makes of it;
    it is off by the share of the row's squared error that this takes away.

    usual: (columns,) raw values to begin from. Cells that are missing are not tried; of many those are that come back
    worst or are furthest from the usual.
    """
    given = samples.tensor().float()
    names = samples.columns or tuple(f"column {place + 1}" for place in range(given.shape[1]))
    found = []
    for row, labels in zip(given, samples.labels if samples.labels is not None else [None] * len(given), strict=True):
        errors, _ = _passed(model, row[None], labels)
        far = (look.scaled(row[None]) - look.scaled(usual[None])).square()[0]
        tried = (errors[0] + far).nan_to_num(-1.0).sort(descending=True, stable=True).indices[:TRIED]
        tried = tried[row[tried].isfinite()]
        own = torch.arange(len(tried))
        put = row.repeat(len(tried), 1)
        put[own, tried] = usual[tried]
        for _ in range(ROUNDS):
            put[own, tried] = _passed(model, put, labels)[1][own, tried]
        left = _passed(model, put, labels)[0].sum(1)
        shares = (1 - left / errors.sum().clamp(min=1e-30)).clamp(min=0)
        order = shares.sort(descending=True, stable=True).indices[:most].tolist()
        found.append(
            tuple(
                (names[i], look.told(i, float(row[i])), look.told(i, float(put[place, i])), float(shares[place]))
                for place, i in ((place, int(tried[place])) for place in order)
                if float(shares[place]) >= LEAST
            )
        )
    return found


def usual_row(train: Samples) -> Tensor:
    """(columns,) the middle value of each column, of what is known; of categories one of them."""
    return train.some(BATCH).tensor().float().nanmedian(0).values.nan_to_num(0.0)


def _passed(model: Autoencoder, rows: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor]:
    """(n, columns) squared errors, and what came back, raw."""
    labels = None if label is None else label.expand(len(rows))
    with judging(model):
        seen = pass_of(model, rows, labels)
        return elements_of(model, seen), model.scaling.inverse(seen.reconstruction).cpu().float()
