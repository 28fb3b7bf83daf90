"""The total correlation of the codes: how far the latent dimensions are from being independent of each other."""

import math
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Pass
from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.model import Model, example
from isthmus.parts.penalties.penalty import Penalty, Weight
from isthmus.parts.shared_batch import own, whole, whole_count

MORE = 5.0
"""β - 1 for the β = 6 of Chen et al."""


class TotalCorrelation(Penalty):
    r"""Total correlation of the drawn codes, in nats: :math:`\log q(z) - \sum_j \log q(z_j)`, the mean over the batch.

    It is 0 if the latent dimensions are independent. The KL of all samples is the sum of three terms: what the code
    tells of the sample, the total correlation, and the distance of each dimension to the prior. The β-TC-VAE weights
    only the second by β. So, next to a `Kl` of weight 1, this penalty has the weight β - 1.

    :math:`q(z)`, the mean of all samples' posteriors, is estimated from the posteriors of the batch.

    weight: β - 1. "auto" is decided from the data: 5 for samples of 784 numbers or more, and less in proportion for
        smaller ones.
    sampling: "weighted", minibatch-weighted sampling, the mean over the batch. A code is more probable under its own
        sample's posterior, which is then counted too often, so the estimate is too high; the size of the data only adds
        a constant, which is left out. "stratified": minibatch-stratified sampling, which counts it as often as among
        all samples; :math:`q(z)` is then unbiased.
    samples: N, the training samples, for stratified sampling. "auto" is decided from the data.

    Source: Chen et al., Isolating sources of disentanglement in VAEs, NeurIPS (2018), section 4 and appendix C.
    """

    over_batch: ClassVar[bool] = True

    weight: Weight = "auto"
    sampling: Literal["weighted", "stratified"] = "weighted"
    samples: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"

    def resolve(self, spec: DataSpec) -> Self:
        """The same penalty with its weight and N decided; N stays "auto" without data."""
        decided = super().resolve(spec)
        if decided.samples != "auto" or not spec.rows or self.sampling == "weighted":
            return decided
        return decided.replace(samples=spec.rows)

    def auto_weight(self, spec: DataSpec) -> float:
        """The paper's weight, by the size of a sample."""
        return round(MORE * spec.share_of_picture, 2)

    def check(self, model: Model) -> None:
        """Raise BlueprintError unless the code has a normal posterior."""
        if not isinstance(example(model).code.distribution, DiagonalGaussian):
            raise BlueprintError(
                f"{self.kind} needs a code with a normal posterior, but a {model.code.kind} code has none. "
                "Use a gaussian code (recipe 'beta-tc-vae'), or leave the penalty out."
            )

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) nats, (K·N,) for K draws of the code; 0 for a batch of one sample."""
        posterior, count = out.code.distribution, len(out.clean)
        of_all = DiagonalGaussian(whole(posterior.mean), whole(posterior.log_variance))
        logs = own(self._log_weights(whole_count(count), out.code.z))
        return total_correlation(out.code.z, of_all, logs.repeat(len(out.code.z) // max(1, count), 1))

    def _log_weights(self, count: int, like: Tensor) -> Tensor:
        """(N, N) logarithms of the weight of each sample's posterior (columns) in q of each sample's code (rows)."""
        if self.sampling == "weighted" or self.samples == "auto" or count < 2:
            return like.new_full((count, count), -math.log(max(1, count)))
        size, others = max(self.samples, count), count - 1
        same = torch.eye(count, dtype=torch.bool, device=like.device)
        weights = torch.where(same, 1 / size, like.new_full((count, count), 1 / others))
        # one other sample stands for those that are in no batch, so that the weights add up to 1
        return torch.where(same.roll(1, 1), (size - others) / (size * others), weights).log()


def total_correlation(z: Tensor, posterior: DiagonalGaussian, log_weights: Tensor) -> Tensor:
    """(M,) log q(z) - Σ log q(z_j) of M codes (M, *code), where q is a mixture of N posteriors.

    log_weights: (M, N) logarithms of their weights for each code; each row's weights add up to 1.
    """
    with torch.autocast(z.device.type, enabled=False):  # in bfloat16, sums of densities are too coarse
        z, mean, log_variance = (given.flatten(1) for given in (z, posterior.mean, posterior.log_variance))
        squares = (z[:, None] - mean).square() * (-log_variance).exp()
        each = -0.5 * (squares + log_variance + math.log(2 * math.pi))  # (M, N, D)
        joint = torch.logsumexp(log_weights + each.sum(2), 1)
        alone = torch.logsumexp(log_weights[..., None] + each, 1).sum(1)
        return joint - alone
