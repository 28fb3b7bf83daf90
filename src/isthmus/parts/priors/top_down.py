"""The prior of a code with two levels: the upper is standard normal, the lower is conditioned on the upper."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.gaussians import DiagonalGaussian, standard_log_prob
from isthmus.parts.model import Model
from isthmus.parts.priors.prior import Prior


class TopDown(Prior):
    r""":math:`p(z_1, z_2) = \mathcal N(z_2; 0, I)\,p(z_1|z_2)` for a `ladder` code, whose module computes p(z₁|z₂).

    In a code, z₁ comes first, then z₂.
    """

    kind: ClassVar[str] = "top-down"

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code has no levels."""
        if not hasattr(model.code_module, "below"):
            raise BlueprintError(
                f"The prior 'top-down' needs a code with two levels, but a {model.code.kind} code has one. "
                "Use a ladder code (recipe 'ladder-vae'), or another prior."
            )

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, code) to (N,) nats."""
        lower, upper = self._levels(z, model)
        return standard_log_prob(upper) + self._below(upper, model).log_prob(lower)

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, code) standard normal numbers to (N, code)."""
        noise, upper = self._levels(draws, model)
        return torch.cat([self._below(upper, model).sample(noise[:, None]), upper], 1)

    def kl(self, posterior: Any) -> Tensor:
        """(N, code) nats; for z₁, given the drawn z₂."""
        return posterior.kl()

    def _levels(self, z: Tensor, model: Model) -> tuple[Tensor, Tensor]:
        return z[:, : -model.code.top], z[:, -model.code.top :]

    def _below(self, upper: Tensor, model: Model) -> DiagonalGaussian:
        """p(z₁|z₂) of (N, top)."""
        assert model.code_module is not None
        return DiagonalGaussian.of(model.code_module.get_submodule("below")(upper))
