"""Which cells of a row are off: those that, put right from the others, leave least amiss."""

import torch
from torch import Tensor

from isthmus.autoencoder import Autoencoder
from isthmus.data.samples import Samples
from isthmus.drawing.rows import Look
from isthmus.measures import judging
from isthmus.uses.scores import elements_of, pass_of

Cell = tuple[str, float | str, float | str, float]
"""A column, what was given, what the row's other cells suggest, and the share of the error that goes with it."""
TRIED = 64
"""Cells of a row, at most."""
LEAST = 0.01
"""Of the error, that a cell is to explain."""
MOST = 1024
"""Training samples that a column's middle value is learnt from, spread over the part."""
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
    given, labels = samples.tensor().float(), samples.labels
    names = samples.columns or tuple(f"column {place + 1}" for place in range(given.shape[1]))
    errors, _ = _passed(model, given, labels)
    far = (look.scaled(given) - look.scaled(usual[None])).square()
    worst = (errors + far).nan_to_num(-1.0).sort(descending=True, stable=True).indices[:, :TRIED]
    known = given.gather(1, worst).isfinite()
    # a try for each of these cells: its row with this one cell put right
    row, cell, tries = known.nonzero()[:, 0], worst[known], torch.arange(int(known.sum()))
    put = given[row]
    put[tries, cell] = usual[cell]
    labels = None if labels is None else labels[row]
    for _ in range(ROUNDS):
        put[tries, cell] = _passed(model, put, labels)[1][tries, cell]
    left = _passed(model, put, labels)[0].sum(1)
    shares = (1 - left / errors.sum(1).clamp(min=1e-30)[row]).clamp(min=0)
    # what nobody has seen is a reason whatever the model makes of the row
    levels = torch.tensor(model.scaling.levels or [0] * given.shape[1])
    unknown = ((levels > 0) & (given >= levels))[row, cell]
    shares = torch.where(unknown, 1 + shares, shares)
    found: list[list[Cell]] = [[] for _ in given]
    for i in shares.sort(descending=True, stable=True).indices.tolist():
        cells, place, share = found[int(row[i])], int(cell[i]), min(1.0, float(shares[i]))
        if len(cells) < most and share >= LEAST:
            was, suggested = (look.told(place, float(values[place])) for values in (given[row[i]], put[i]))
            cells.append((names[place], was, suggested, share))
    return [tuple(cells) for cells in found]


def usual_row(train: Samples) -> Tensor:
    """(columns,) the middle value of each column, of what is known; of categories one of them."""
    return train.some(MOST).tensor().float().nanmedian(0).values.nan_to_num(0.0)


def _passed(model: Autoencoder, rows: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """(n, columns) squared errors, and what came back, raw."""
    with judging(model):
        seen = pass_of(model, rows, labels)
        return elements_of(model, seen), model.scaling.inverse(seen.reconstruction).cpu().float()
