"""The distance for graphs: cross-entropies of the nodes' existence, of the edges, and of the features."""

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance, within_unit
from isthmus.parts.graphs import check_graph, mirrored, pairs, present, square
from isthmus.parts.part import Shape


class Links(Distance):
    r"""Binary cross-entropy on logits of a graph's edges, of its nodes' existence, and of their features, in nats.

    Each pair of existing nodes counts once. The pairs whose truth is held out are the only ones that count in a graph
    that has some (see `isthmus.parts.graphs`). The pairs that count stand for all, so that the loss of a graph with few
    of them compares with that of a whole one. The features of padding don't count.

    balanced: whether edges and non-edges have the same total weight, half of the pairs' number each, as in the paper:
        graphs have few edges. Otherwise each pair has the weight 1, and the sum is the negative log-probability of a
        graph whose features are 0 or 1.
    features: the weight of the features' cross-entropy; with 0, they are an input only, as in the paper.

    Source: Kipf & Welling, Variational graph auto-encoders, NeurIPS workshop (2016).
    """

    unit: ClassVar[str] = "nats"

    # narrower than the base's, which is sound for what is frozen
    link: Literal["auto", "sigmoid"] = "sigmoid"  # pyright: ignore[reportIncompatibleVariableOverride]
    balanced: bool = True
    features: Annotated[float, Field(ge=0)] = 1.0

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance, after checking that the data lie in 0..1."""
        if not within_unit(spec.range):
            raise BlueprintError(
                "The distance 'links' needs graphs whose numbers lie in 0..1, but these were scaled. Read them with "
                "kind='graph', without scaling=."
            )
        return self.replace(link="sigmoid")

    def check(self, sample: Tensor) -> None:
        """Raise BlueprintError unless these are graphs."""
        check_graph(self.kind, tuple(sample.shape[1:]))

    def outputs_picture(self, shape: Shape) -> bool:
        """Never: logits aren't probabilities."""
        return False

    def picture(self, output: Tensor) -> Tensor:
        """(N, 1, M, M + F) logits to probabilities; an edge needs both nodes."""
        made = torch.sigmoid(output)
        exist = square(made).diagonal(dim1=1, dim2=2)
        edges = mirrored(square(made)) * (exist[:, :, None] * exist[:, None, :]) + torch.diag_embed(exist)
        return torch.cat([edges, made[:, 0, :, made.shape[2] :] * exist[..., None]], 2)[:, None]

    def start(self, sample: Tensor) -> Tensor:
        """(1, 1, M, M + F) logits of the means over (n, 1, M, M + F) graphs and their nodes."""
        count, exist, found = sample.shape[2], present(sample), pairs(sample)
        edges = found.edges[found.counted].mean() if bool(found.counted.any()) and not self.balanced else None
        made = torch.full((1, *sample.shape[1:]), 0.5, dtype=sample.dtype)
        if edges is not None:
            made[..., :count] = edges
        made[0, 0, :, count:] = sample[:, 0, :, count:][exist > 0].mean(0) if bool(exist.any()) else 0.5
        made[0, 0].diagonal().copy_(exist.mean())
        return torch.logit(made.clamp(0.01, 0.99))

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, 1, M, M + F) logits and graphs to (N, 1, M, M + F) nats, 0 for pairs below the diagonal."""
        self._check_shapes(output, target)
        exist, found = present(target), pairs(target)
        counted, nodes = found.counted.to(output.dtype), exist.sum(1)
        total = nodes * (nodes - 1) / 2
        weight = counted * (_balance(counted, found.edges, total) if self.balanced else _even(counted, total))
        logits, count = output[:, 0], target.shape[2]
        nats = weight * _cross_entropy(logits[..., :count], found.edges)
        nats = nats + torch.diag_embed(_cross_entropy(logits.diagonal(dim1=1, dim2=2), exist))
        of_features = _cross_entropy(logits[..., count:], target[:, 0, :, count:])
        return torch.cat([nats, self.features * exist[..., None] * of_features], 2)[:, None]


def _even(counted: Tensor, total: Tensor) -> Tensor:
    """(N, 1, 1) weights with which the counted pairs weigh `total` (N,)."""
    return (total / counted.flatten(1).sum(1).clamp(min=1))[:, None, None]


def _balance(counted: Tensor, edges: Tensor, total: Tensor) -> Tensor:
    """(N, M, M) weights with which edges and non-edges weigh half of `total` (N,) each."""
    joined = (counted * edges).flatten(1).sum(1)
    others = counted.flatten(1).sum(1) - joined
    of_edge, of_other = (total / (2 * count.clamp(min=1)) for count in (joined, others))
    return torch.where(edges > 0, of_edge[:, None, None], of_other[:, None, None])


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return F.softplus(logits) - target * logits
