"""Which cells of a row are off: those that, put right from the others, take most of its error away."""

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.drawing.rows import Look
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.model import eval_mode
from isthmus.uses.scores import elements_of, pass_of

Cell = tuple[str, float | str, float | str, float]
"""A column, the given value, the value that the row's other cells suggest, and the share of the row's squared error
that putting it right takes away, after the cells that are named before it. The shares of a row add up to 1 at most."""
TRIED = 64
"""Cells of a row, at most."""
LEAST = 0.01
"""Of the error, that a cell is to explain."""
MOST = 1024
"""Training samples that a column's middle value is learnt from, spread over the part."""
ROUNDS = 10
"""Times that a cell is put where the model brings it back."""


def cells_off(model: Autoencoder, samples: Samples, usual: Tensor, look: Look, most: int = 3) -> list[tuple[Cell, ...]]:
    """For each row of a table the cells that are furthest off, first the one that explains most of its error.

    A model follows what it is given, so where it errs most need not be what is broken: a weight of 400 pulls the height
    along. Each cell in turn is therefore put to its usual value and, some rounds, to what the model then makes of it;
    the one that takes away most of the row's squared error is off. The search goes on for the next, which is put right
    together with those that are known to be off. The share of a cell is what it takes away in addition to those before
    it, by the error at first: the shares of a row add up to 1 where its cells explain all, and to less otherwise.

    usual: (columns,) raw values to begin from. Cells that are missing are not tried; of many those are that come back
    worst or are furthest from the usual.
    """
    given, labels = samples.tensor().float(), samples.labels
    names = samples.columns or tuple(f"column {place + 1}" for place in range(given.shape[1]))
    errors, _ = _passed(model, given, labels)
    far = (look.scaled(given) - look.scaled(usual[None])).square()
    tried = (errors + far).nan_to_num(-1.0).sort(descending=True, stable=True).indices[:, :TRIED]
    whole = errors.sum(1).clamp(min=1e-30)
    before, mended = errors.sum(1), given.clone()
    off = torch.zeros(given.shape, dtype=torch.bool)
    found: list[list[tuple[int, float]]] = [[] for _ in given]
    rows = torch.arange(len(given))  # those in which a further cell may be off
    for _ in range(most):
        own = None if labels is None else labels[rows]
        left, cell, put = _put_right(model, given[rows], own, usual, tried[rows], off[rows])
        shares = (before[rows] - left) / whole[rows]
        better = shares >= LEAST
        rows, left, cell, put, shares = (each[better] for each in (rows, left, cell, put, shares))
        if not len(rows):
            break
        off[rows, cell], before[rows], mended[rows] = True, left, put
        for row, place, share in zip(rows.tolist(), cell.tolist(), shares.tolist(), strict=True):
            found[row].append((place, share))
    return [
        tuple(
            (names[i], look.told(i, float(given[row, i])), look.told(i, float(mended[row, i])), share)
            for i, share in cells
        )
        for row, cells in enumerate(found)
    ]


def _put_right(
    model: Autoencoder, given: Tensor, labels: Tensor | None, usual: Tensor, tried: Tensor, off: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """For each of (n, D) raw rows the cell that leaves least error once it is put right, with those known to be off.

    tried: (n, tries) which cells to try. off: (n, D) which are off already. Gives (n,) the error that is left, infinite
    where there is nothing to try; (n,) which cell; and (n, D) the row put right.
    """
    possible = given.gather(1, tried).isfinite() & ~off.gather(1, tried)
    row, cell = possible.nonzero()[:, 0], tried[possible]
    free = off[row]
    free[torch.arange(len(row)), cell] = True
    labels = None if labels is None else labels[row]
    put = torch.where(free, usual, given[row])
    for _ in range(ROUNDS):
        put = torch.where(free, _passed(model, put, labels)[1], put)
    left = torch.full(tried.shape, torch.inf)
    left[possible] = _passed(model, put, labels)[0].sum(1).nan_to_num(torch.inf)
    # what nobody has seen is the first reason, whatever the model makes of the row
    levels = torch.tensor(model.scaling.levels or [0] * given.shape[1])
    unknown = ((levels > 0) & (given >= levels)).gather(1, tried) & possible
    place = torch.where(unknown.any(1, keepdim=True) & ~unknown, torch.inf, left).argmin(1)
    least = left.gather(1, place[:, None])[:, 0]
    number = torch.zeros(tried.shape, dtype=torch.int64)  # of each try
    number[possible] = torch.arange(len(row))
    number = number.gather(1, place[:, None])[:, 0]
    best = put[number] if len(put) else given
    return least, tried.gather(1, place[:, None])[:, 0], best


def usual_row(train: Samples) -> Tensor:
    """(columns,) the middle value of each column, of what is known; of categories one of them."""
    return train.some(MOST).tensor().float().nanmedian(0).values.nan_to_num(0.0)


def _passed(model: Autoencoder, rows: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """(n, columns) squared errors, and what came back, raw."""
    with eval_mode(model):
        out = pass_of(model, rows, labels)
        return elements_of(model, out), model.scaling.inverse(out.reconstruction).cpu().float()
