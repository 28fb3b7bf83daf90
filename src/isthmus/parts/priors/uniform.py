"""The uniform prior of codes of symbols: every value is equally likely."""

import math
from typing import Any

from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.model import Model, example
from isthmus.parts.priors.prior import Prior


class Uniform(Prior):
    r""":math:`p(z) = 2^{-B}` for each code of B bits. It has no weights, and its KL has a closed form."""

    def check(self, model: Model) -> None:
        """Raise BlueprintError unless the code is drawn from a posterior over symbols."""
        if model.code.bits(model.code_shape) is None or example(model).code.distribution is None:
            raise BlueprintError(
                f"The prior 'uniform' needs a code of symbols that are drawn, but a {model.code.kind} code isn't one. "
                "Use a gumbel or hash code, or another prior."
            )

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) nats, all equal."""
        return z.new_full((z.shape[0],), -model.code.bits(model.code_shape) * math.log(2))

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, *code) standard normal numbers to (N, *code): taken as features, they make all codes equally likely."""
        return model.code(draws, None, model.code_module).z

    def kl(self, posterior: Any) -> Tensor:
        """(N, variables) nats, from the posterior's own formula."""
        return posterior.kl()
