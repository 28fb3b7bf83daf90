"""A penalty on the correlations between latent dimensions."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from isthmus.parts.forward_pass import Pass
from isthmus.parts.layers import find_layer
from isthmus.parts.model import Model
from isthmus.parts.penalties.penalty import Penalty, Weight
from isthmus.parts.shared_batch import whole

FLOOR = 1e-8
"""Below this variance a latent dimension counts as constant; its correlations are 0."""


class Decorrelation(Penalty):
    r"""Mean squared correlation between different latent dimensions: :math:`\frac1{d(d-1)}\sum_{i\ne j} r_{ij}^2`.

    :math:`r_{ij}` is the correlation over the batch, so every sample has the same penalty; it is 0 for a code of one
    number. The paper sums squared covariances, but an encoder can reduce those by shrinking its code.

    layer: the layer to penalise, by name ("encoder.dense1"); the code if None.

    Source: Cogswell et al., Reducing overfitting in deep networks by decorrelating representations, ICLR (2016), with
    correlations in place of covariances.
    """

    over_batch: ClassVar[bool] = True

    weight: Weight = 0.01
    layer: str | None = None

    def check(self, model: Model) -> None:
        """Raise BlueprintError if there is no such layer."""
        if self.layer is not None:
            find_layer(model, self.layer)

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) the batch's value, the same for each sample."""
        activations = out.activations(self.layer).flatten(1)
        return squared_correlation(whole(activations)).expand(len(activations))


def squared_correlation(activations: Tensor) -> Tensor:
    """The mean of the squared correlations between different columns of (N, d), a scalar."""
    count, size = activations.shape
    centred = activations - activations.mean(0)
    covariance = centred.T @ centred / count
    variances = covariance.diagonal()
    squares = covariance.square() / (variances[:, None] * variances + FLOOR**2)
    others = 1 - torch.eye(size, dtype=squares.dtype, device=squares.device)
    return (squares * others).sum() / max(1, size * (size - 1))
