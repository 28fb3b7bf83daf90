"""The VampPrior: a mixture of the posteriors of learnt pseudo-inputs."""

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.model import Model, code_from, encoder_shape, eval_mode, zeros
from isthmus.parts.priors.mixture import _Mixture
from isthmus.parts.priors.prior import check_encodes_alone, evenly_spread
from isthmus.parts.shared_batch import sharing


class VampPrior(_Mixture):
    r"""The mean of the posteriors of K pseudo-inputs, :math:`p(z) = \frac1K \sum_k q(z|u_k)`.

    The pseudo-inputs u are weights with a sample's shape. They start as samples of the training part. The optimal prior
    is the mean of the posteriors of all samples, but it would overfit, so a few pseudo-inputs approximate it. The prior
    then lies where the codes are, and the KL restricts the code less.

    components: K. Each step encodes all K.

    Source: Tomczak & Welling, VAE with a VampPrior, AISTATS (2018).
    """

    kind: ClassVar[str] = "vamp"

    components: Annotated[int, Field(ge=1)] = 100

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code has no normal posterior, or the encoder needs labels or a mask."""
        with eval_mode(model):
            posterior = code_from(model, zeros(model, encoder_shape(model))).distribution
        if not isinstance(posterior, DiagonalGaussian):
            raise BlueprintError(
                f"The prior 'vamp' needs a code with a normal posterior, but a {model.code.kind} code has none. "
                "Use a gaussian code (recipe 'vamp-vae')."
            )
        check_encodes_alone(model, "The prior 'vamp' learns inputs of the encoder", "use another prior")

    def module(self, model: Model, generator: torch.Generator) -> nn.Module:
        """The pseudo-inputs, random until `start_at` sets them to samples."""
        return PseudoInputs(torch.rand(self.components, *encoder_shape(model), generator=generator))

    def start_at(self, sample: Tensor, module: nn.Module) -> None:
        """Set the pseudo-inputs to evenly spread samples."""
        with torch.no_grad():
            module.get_parameter("values").copy_(sample[evenly_spread(len(sample), self.components)])

    def components_of(self, model: Model) -> tuple[DiagonalGaussian, Tensor]:
        """The posteriors of the pseudo-inputs, which have equal shares."""
        with sharing(None):  # all processes have all pseudo-inputs
            posteriors = code_from(model, model.module_of(self).get_parameter("values")).distribution
        return posteriors, posteriors.mean.new_full((self.components,), -math.log(self.components))


class PseudoInputs(nn.Module):
    """values: (K, *encoder_shape), scaled."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = nn.Parameter(values)
