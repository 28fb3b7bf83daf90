"""The wrapped normal prior on the Poincaré ball."""

from typing import Annotated, Any

from pydantic import Field
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.model import Model, example
from isthmus.parts.poincare_ball import WrappedGaussian, moved, normal_log_prob
from isthmus.parts.priors.prior import Prior


class WrappedNormal(Prior):
    """Normal steps from 0 along shortest paths of hyperbolic space, for a `poincare` code.

    spread: their σ. With a larger one, more of the space is used, and the space looks more like a tree.
    """

    spread: Annotated[float, Field(gt=0)] = 1.0

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the codes aren't points of the ball."""
        if not isinstance(example(model).code.distribution, WrappedGaussian):
            raise BlueprintError(
                f"The prior 'wrapped-normal' needs points of the Poincaré ball, but a {model.code.kind} code has none. "
                "Use a poincare code (recipe 'poincare-vae'), or another prior."
            )

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, code) to (N,) nats with respect to the space's own volume."""
        return normal_log_prob(z, self.spread)

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, code) standard normal numbers to (N, code) points."""
        return moved(draws.new_zeros(draws.shape), self.spread * draws)
