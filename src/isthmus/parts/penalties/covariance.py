"""The covariance of the codes, pulled towards the identity."""

from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Pass
from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.model import Model, example
from isthmus.parts.penalties.penalty import Penalty, Weight
from isthmus.parts.shared_batch import whole

STRENGTH = 10.0
"""Of the off-diagonal entries, in the experiments of Locatello et al."""
DIAGONAL = {"means": 10.0, "codes": 1.0}
"""The diagonal's weight relative to them, there."""


class Covariance(Penalty):
    r"""Squared distance of a covariance to the identity: :math:`\sum_{i\ne j} C_{ij}^2 + d \sum_i (C_{ii}-1)^2`.

    C is that of the codes over the batch, so every sample has the same penalty. The latent dimensions become
    uncorrelated, with variance 1. It is the penalty of the DIP-VAE ("disentangled inferred prior"). A code without a
    posterior counts as its own mean.

    weight: of the first sum. "auto" is decided from the data: 10 for samples of 784 numbers or more, and less in
        proportion for smaller ones.
    of: "means", C is the covariance of the posteriors' means (DIP-VAE-I); or "codes", that of the drawn codes,
        :math:`\operatorname{Cov}(\mu) + \overline{\operatorname{diag}\sigma^2}` (DIP-VAE-II).
    diagonal: d. "auto" is 10 for the means, 1 for the codes.

    Source: Kumar, Sattigeri & Balakrishnan, Variational inference of disentangled latent concepts from unlabeled
    observations, ICLR (2018); weights: Locatello et al., Challenging common assumptions in the unsupervised learning of
    disentangled representations, ICML (2019).
    """

    over_batch: ClassVar[bool] = True

    weight: Weight = "auto"
    of: Literal["means", "codes"] = "codes"
    diagonal: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"

    def auto_weight(self, spec: DataSpec) -> float:
        """The weight of the paper's data, by the size of a sample."""
        return round(STRENGTH * spec.share_of_picture, 2)

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code has a posterior that isn't normal."""
        if not isinstance(example(model).code.distribution, DiagonalGaussian | None):
            raise BlueprintError(
                f"{self.kind} needs a code of plain numbers or with a normal posterior, and a {model.code.kind} code "
                "is neither. Use a gaussian code (recipe 'dip-vae'), or leave the penalty out."
            )

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) the batch's value, the same for each sample."""
        posterior = out.code.distribution
        means = (out.code.z if posterior is None else posterior.mean).flatten(1)
        found = covariance(whole(means))
        if self.of == "codes" and posterior is not None:
            found = found + whole(posterior.variance.flatten(1)).mean(0).diag()
        squares = (found - torch.eye(len(found), dtype=found.dtype, device=found.device)).square()
        own = squares.diagonal().sum()
        inner = DIAGONAL[self.of] if self.diagonal == "auto" else self.diagonal
        return (squares.sum() - own + inner * own).expand(len(out.clean))


def covariance(x: Tensor) -> Tensor:
    """(d, d) covariance of (n, d) samples, divided by n."""
    centred = x - x.mean(0)
    with torch.autocast(x.device.type, enabled=False):  # the product would be rounded to bfloat16
        return centred.T @ centred / len(x)
