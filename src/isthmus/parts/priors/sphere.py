"""The uniform distribution on the unit sphere."""

from typing import Any, ClassVar

from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.model import Model, example
from isthmus.parts.priors.prior import Prior
from isthmus.parts.von_mises_fisher import VonMisesFisher, log_surface


class UniformSphere(Prior):
    """All directions alike: codes of length 1, for a `hyperspherical` code. Its KL has a closed form."""

    kind: ClassVar[str] = "uniform-sphere"

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the codes aren't directions."""
        if not isinstance(example(model).code.distribution, VonMisesFisher):
            raise BlueprintError(
                f"The prior 'uniform-sphere' needs codes of length 1, but a {model.code.kind} code has any length. "
                "Use a hyperspherical code (recipe 'hyperspherical-vae'), or another prior."
            )

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, code) to (N,) nats with respect to the sphere's surface."""
        return z.new_full((len(z),), -log_surface(z.shape[1]))

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, code) standard normal numbers to (N, code) directions."""
        return draws / draws.square().sum(1, keepdim=True).clamp(min=1e-30).sqrt()

    def kl(self, posterior: Any) -> Tensor:
        """(N, 1) nats, from the posterior's own formula."""
        return posterior.kl()
