"""The Bernoulli likelihood, as a cross-entropy: for data in 0..1, especially black and white."""

from typing import ClassVar, Literal, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance, within_unit, words


class Bce(Distance):
    r"""Binary cross-entropy on logits, summed over a sample's numbers, in nats.

    :math:`-\sum_i x_i\log\sigma(o_i) + (1-x_i)\log(1-\sigma(o_i)) = \sum_i \mathrm{softplus}(o_i) - x_i o_i`, the
    negative log-likelihood of a Bernoulli if x is 0 or 1. For grey values in between it isn't a density, and its
    minimum is the targets' entropy, not 0.
    """

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True

    # narrower than the base's, which is sound for what is frozen
    link: Literal["auto", "sigmoid"] = "sigmoid"  # pyright: ignore[reportIncompatibleVariableOverride]

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance, after checking that the data lie in 0..1.

        Raises:
            BlueprintError: they don't.
        """
        if not within_unit(spec.range):
            raise BlueprintError(
                f"{self.kind} needs data in 0..1, but these are {words(spec.range)}. "
                "Scale them with scaling='minmax', or use another distance, such as 'mse'."
            )
        return self.replace(link="sigmoid")

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape) logits, (N, *shape) in 0..1 to (N, *shape) nats."""
        self._check_shapes(output, target)
        return F.softplus(output) - target * output

    def with_slope(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        r"""(N, *shape) logits, (N, *shape) to (N,) nats and :math:`\sigma(o) - x`."""
        self._check_shapes(output, target)
        values = F.softplus(output).addcmul_(output, target, value=-1)
        return values.flatten(1).sum(1), torch.sigmoid(output).sub_(target)

    def parameters(self, output: Tensor) -> Tensor:
        """(N, *shape) logits to the probabilities of 0 (see `Distance.parameters`)."""
        return torch.sigmoid(-output)

    def likely(self, parameters: Tensor) -> Tensor:
        """(N, *shape) to (N, *shape): 0 or 1 (see `Distance.likely`)."""
        return (parameters < 0.5).to(parameters.dtype)

    def cumulative(self, parameters: Tensor, value: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape), for data that are 0 or 1 (see `Distance.cumulative`)."""
        return torch.where(value > 1, 1.0, torch.where(value > 0, parameters, 0.0 * parameters))
