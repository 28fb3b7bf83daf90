"""Graphs as samples (1, M, M + F): the adjacency of up to M nodes, and next to it the F features of each.

A number on the diagonal says whether the node exists: 1, or 0 where a smaller graph is padded. Above and below it, 1 is
an edge and 0 is none. Values in between are hidden from the encoder: `UNKNOWN` for a pair about which nothing is said,
`NO_EDGE` and `EDGE` for a pair whose truth is held out. The pairs above the diagonal count; those below repeat them.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.part import Shape

NO_EDGE, UNKNOWN, EDGE = 0.25, 0.5, 0.75
"""The values of pairs that are hidden from the encoder."""
_SURE = 0.125
"""How near 0 and 1 a value must be to be seen by the encoder; also how near `UNKNOWN`, to say nothing."""


class NodePairs(NamedTuple):
    """The pairs of nodes above the diagonal, (N, M, M) each: which count, and which are edges (0 or 1)."""

    counted: Tensor
    edges: Tensor


def check_graph(kind: str, shape: Shape) -> None:
    """Raise BlueprintError unless `shape` is a graph's, (1, M, M + F)."""
    if len(shape) != 3 or shape[0] != 1 or shape[2] < shape[1]:
        raise BlueprintError(
            f"{kind!r} needs graphs of shape (1, nodes, nodes + features), but the samples have shape {shape}. Read "
            "them with kind='graph', and use no condition and no missing='mask'."
        )


def present(x: Tensor) -> Tensor:
    """(N, 1, M, M + F) graphs to (N, M): 1 for nodes that exist, 0 for padding."""
    return (x[:, 0].diagonal(dim1=1, dim2=2) > 0.5).to(x.dtype)


def features(x: Tensor) -> Tensor:
    """(N, 1, M, M + F) graphs to (N, M, F), 0 for padding."""
    return x[:, 0, :, x.shape[2] :] * present(x)[..., None]


def seen(x: Tensor) -> Tensor:
    """(N, 1, M, M + F) graphs to (N, M, M): 1 for the edges that the encoder sees, without loops."""
    return mirrored((square(x) > 1 - _SURE).to(x.dtype) * _both(x))


def square(x: Tensor) -> Tensor:
    """(N, 1, M, M + F) to (N, M, M), the part of the adjacency."""
    return x[:, 0, :, : x.shape[2]]


def pairs(x: Tensor) -> NodePairs:
    """The pairs that count in the loss: the held-out ones of a graph that has some, otherwise all that are seen."""
    values, both = square(x), _both(x) > 0
    above = torch.ones_like(values, dtype=torch.bool).triu(1) & both
    hidden = (values > _SURE) & (values < 1 - _SURE)
    held_out = above & hidden & ((values - UNKNOWN).abs() > _SURE)
    some = held_out.flatten(1).any(1)[:, None, None]
    return NodePairs(torch.where(some, held_out, above & ~hidden), (values > 0.5).to(x.dtype))


def mirrored(above: Tensor) -> Tensor:
    """(N, M, M) with the numbers above the diagonal below it too, and 0 on it."""
    above = above.triu(1)
    return above + above.transpose(1, 2)


def normalised(adjacency: Tensor, exist: Tensor) -> Tensor:
    r""":math:`D^{-1/2} (A + I) D^{-1/2}` of (N, M, M) edges without loops and (N, M) existing nodes; 0 for padding.

    Source: Kipf & Welling, Semi-supervised classification with graph convolutional networks, ICLR (2017).
    """
    looped = adjacency + torch.diag_embed(exist)
    scale = looped.sum(2).clamp(min=1).rsqrt() * exist
    return scale[:, :, None] * looped * scale[:, None, :]


def _both(x: Tensor) -> Tensor:
    """(N, M, M): 1 where both nodes of a pair exist."""
    exist = present(x)
    return exist[:, :, None] * exist[:, None, :]
