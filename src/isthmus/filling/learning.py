"""Learning a filler: mixtures of the known cells, and the errors in cells that are hidden for the purpose."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from isthmus.data.precision import floating
from isthmus.data.samples import Samples
from isthmus.filling.errors import Errors
from isthmus.filling.layout import Layout
from isthmus.filling.mixture import Mixture
from isthmus.filling.network import predicted_cells, scaled_rows
from isthmus.filling.noise import spread
from isthmus.model.autoencoder import Autoencoder

WIDEST = 128
"""The most wide columns (see `Layout`) for which mixtures are learnt; for more, the network fills alone."""
WORK = 2**29
"""The most rows × columns³ that mixtures are learnt from."""
MOST_ROWS, LEAST_ROWS = 4096, 256
COMPONENTS, ROWS_EACH = 8, 40
"""The most components of a mixture, and the rows for each."""
WEAK, STRONG = 0.5, 4.0
"""How strongly the covariances are shrunk: further rows, for each column."""
ASIDE = 0.2
"""The share of the known cells that is hidden."""
MOST_TURNS, ROWS_HIDDEN_IN = 5, 1000
"""How often cells are hidden: until there are those of this many rows."""

Learnt = tuple[Layout, tuple[Mixture, ...], Tensor, Tensor, Tensor, Tensor, Tensor]
"""The fields of a `Filler`."""


def learn(model: Autoencoder, train: Samples, validation: Samples) -> Learnt:
    """The fields of the filler of a model, from its training and validation parts in raw units."""
    levels = model.scaling.levels or (0,) * model.shape[0]
    width = sum(max(1, count) for count in levels)
    rows = train.some(min(MOST_ROWS, max(LEAST_ROWS, WORK // width**3)))
    held = validation.some(MOST_ROWS // 4) if len(validation) else validation
    if width > WIDEST and not len(held):
        held = rows  # its errors are too small, but there are no others
    layout = Layout.learn(scaled_rows(model, rows), levels)
    generator = torch.Generator().manual_seed(0)
    turns = min(MOST_TURNS, max(1, ROWS_HIDDEN_IN // len(rows)))
    errors = [one for _ in range(turns) for one in _errors(model, layout, rows, held, generator)]
    weights, network, quantiles = Errors.joined(errors).weighed(len(levels))
    parts = (rows, held) if len(held) else (rows,)
    values, known = layout.wide(torch.cat([scaled_rows(model, part) for part in parts]))
    raw = torch.cat([floating(part.tensor()) for part in parts]).double()
    whole, positive = ((raw.isnan() | good).all(0).double() for good in (raw == raw.round(), raw >= 0))
    return layout, mixtures(values, known, _components(rows)), weights, network, quantiles, whole, positive


def mixtures(values: Tensor, known: Tensor, components: int) -> tuple[Mixture, ...]:
    """Those that are learnt from (N, W) rows: a strongly and a weakly shrunk Gaussian, and a mixture.

    None if W is large, and no mixture of one component.
    """
    width = values.shape[1]
    if width > WIDEST:
        return ()
    weak, strong = (Mixture.gaussian(values, known, shrink * width) for shrink in (WEAK, STRONG))
    return (strong, weak, weak.divided(values, known, components, width)) if components > 1 else (strong, weak)


def _components(rows: Samples) -> int:
    return min(COMPONENTS, len(rows) // ROWS_EACH)


def expectations(own: Sequence[Mixture], values: Tensor, known: Tensor) -> Tensor:
    """(N, W, M) the expectations of (N, W) rows given their known cells, under each of M mixtures."""
    made = [torch.cat([given.mean for given in mixture.given(values, known)]) for mixture in own]
    return torch.stack(made, 2) if made else values.new_zeros(*values.shape, 0)


def _errors(
    model: Autoencoder, layout: Layout, rows: Samples, held: Samples, generator: torch.Generator
) -> list[Errors]:
    """Of the mixtures in hidden cells of both parts, and of the network in those of the second one."""
    made, own = [], ()
    for part, tested in ((rows, False), (held, True)):
        if not len(part):
            continue
        values, known = layout.wide(scaled_rows(model, part))
        cells = _hidden(known, layout, generator)
        wide = cells[:, layout.column_of]
        seen = known & ~wide
        if not tested:
            own = mixtures(values * seen, seen, _components(rows))
        off = expectations(own, values * seen, seen) - values[..., None]
        network = torch.full_like(values, torch.nan)
        if tested:
            hidden = floating(part.tensor()).masked_fill(cells, torch.nan)
            network = predicted_cells(model, layout, replace(part, values=hidden, rows=None)) - values
        column_of = layout.column_of.expand_as(wide)
        made.append(Errors(column_of[wide], off[wide], network[wide], spread(own, values * seen, seen)[wide]))
    return made


def _hidden(known: Tensor, layout: Layout, generator: torch.Generator) -> Tensor:
    """(N, D) True for `ASIDE` of the known cells of (N, W) rows; each row keeps one."""
    first = torch.tensor([0, *(max(1, levels) for levels in layout.levels)]).cumsum(0)[:-1]
    there = known[:, first]
    hidden = there & (torch.rand(there.shape, generator=generator) < ASIDE)
    return hidden & (there & ~hidden).any(1, keepdim=True)
