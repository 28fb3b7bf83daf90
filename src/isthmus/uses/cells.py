"""Anomalous cells of a table's row: correcting them from the other cells removes most of the row's error."""

import torch
from torch import Tensor

from isthmus.data.precision import floating
from isthmus.data.samples import Samples
from isthmus.drawing.rows import Look
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.model import eval_mode
from isthmus.uses.scores import elements_of, pass_of

Cell = tuple[str, float | str, float | str, float]
"""A column, its given value, the value that the row's other cells suggest, and the share of the row's squared error
that the correction removes, in addition to the cells listed before it. The shares of a row add up to 1 at most."""
TRIED = 64
"""The most cells of a row that are tried."""
LEAST = 0.01
"""The least share of the error that a cell must explain."""
MOST = 1024
"""Training samples, spread over the part, from which a column's median is computed."""
ROUNDS = 10
"""How many times a cell is replaced by its reconstruction."""


def cells_off(model: Autoencoder, samples: Samples, usual: Tensor, look: Look, most: int = 3) -> list[tuple[Cell, ...]]:
    """The most anomalous cells of each row of a table; the first one explains most of the row's error.

    A model follows its input, so the cell with the largest error need not be the wrong one: a weight of 400 pulls the
    height along. The search therefore sets each cell in turn to its usual value, and for some rounds to the model's
    reconstruction. The cell whose correction removes most of the row's squared error is anomalous. The search for the
    next cell corrects it together with those found so far. The share of a cell is the part of the original error that
    it removes in addition to those before it: the shares of a row add up to 1 if its cells explain all of the error,
    and to less otherwise.

    usual: (columns,) raw values to start from. Missing cells are not tried. If a row has many cells, only those with
    the largest errors or furthest from the usual value are tried. A date is one cell, with its place in day, week and
    year.
    """
    given, labels = floating(samples.tensor()), samples.labels
    names = samples.columns or tuple(f"column {place + 1}" for place in range(given.shape[1]))
    errors, _ = _passed(model, given, labels)
    far = (look.scaled(given) - look.scaled(usual[None])).square()
    cell_of = look.cells(given.shape[1])
    weight = torch.zeros(given.shape).index_add(1, cell_of, (errors + far).float().nan_to_num(0.0))
    weight = torch.where(given.isnan() | (cell_of != torch.arange(len(cell_of))), -1.0, weight)
    tried = weight.sort(descending=True, stable=True).indices[:, :TRIED]
    whole = errors.sum(1).clamp(min=1e-30)
    before, mended = errors.sum(1), given.clone()
    off = torch.zeros(given.shape, dtype=torch.bool)
    found: list[list[tuple[int, float]]] = [[] for _ in given]
    rows = torch.arange(len(given))  # those in which a further cell may be off
    for _ in range(most):
        own = None if labels is None else labels[rows]
        left, cell, put = _put_right(model, given[rows], own, usual, tried[rows], off[rows], cell_of)
        shares = (before[rows] - left) / whole[rows]
        better = shares >= LEAST
        rows, left, cell, put, shares = (each[better] for each in (rows, left, cell, put, shares))
        if not len(rows):
            break
        off[rows] |= cell_of == cell[:, None]
        before[rows], mended[rows] = left, put
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
    model: Autoencoder,
    given: Tensor,
    labels: Tensor | None,
    usual: Tensor,
    tried: Tensor,
    off: Tensor,
    cell_of: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """The cell of each of (n, D) raw rows whose correction, together with those found so far, leaves the least error.

    tried: (n, tries) which cells to try. off: (n, D) the numbers of the cells found so far. cell_of: (D,) the cell that
    each number belongs to. Returns (n,) the remaining error, infinite
    if there is nothing to try; (n,) the cell; and (n, D) the corrected row.
    """
    possible = given.gather(1, tried).isfinite() & ~off.gather(1, tried) & (cell_of[tried] == tried)
    row, cell = possible.nonzero()[:, 0], tried[possible]
    free = off[row] | (cell_of == cell[:, None])
    labels = None if labels is None else labels[row]
    put = torch.where(free, usual, given[row])
    for _ in range(ROUNDS):
        put = torch.where(free, _passed(model, put, labels)[1], put)
    left = torch.full(tried.shape, torch.inf)
    left[possible] = _passed(model, put, labels)[0].sum(1).nan_to_num(torch.inf)
    # an unknown category comes first, whatever the model makes of the row
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
    """(columns,) the median of each column's known values; for categories, one of them."""
    return floating(train.some(MOST).tensor()).nanmedian(0).values.nan_to_num(0.0)


def _passed(model: Autoencoder, rows: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """(n, columns) squared errors, and the reconstructions, raw."""
    with eval_mode(model):
        out = pass_of(model, rows, labels)
        return elements_of(model, out), model.scaling.inverse(out.reconstruction).cpu()
