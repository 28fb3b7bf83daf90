"""The standard normal prior."""

from typing import Any

from torch import Tensor

from isthmus.parts.gaussians import standard_log_prob
from isthmus.parts.model import Model
from isthmus.parts.priors.prior import Prior


class StandardNormal(Prior):
    r""":math:`\mathcal N(0, I)`: it has no weights, and its KL has a closed form."""

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) nats."""
        return standard_log_prob(z)

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, *code) standard normal numbers, unchanged."""
        return draws

    def kl(self, posterior: Any) -> Tensor:
        """(N, *code) nats, from the posterior's own formula."""
        return posterior.kl()
