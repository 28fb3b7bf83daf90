"""The prior of a joint code: standard normal numbers, and equally probable classes."""

import math
from typing import Any

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.gaussians import standard_log_prob
from isthmus.parts.model import Model
from isthmus.parts.priors.prior import Prior


class UniformCategories(Prior):
    r""":math:`\mathcal N(z; 0, I) \prod_i 1 / K_i`: for a code of numbers and of variables with K classes each.

    It has no weights, and its KL has a closed form.

    Source: Dupont, Learning disentangled joint continuous and discrete representations, NeurIPS (2018).
    """

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code has no classes."""
        if not hasattr(model.code, "categories"):
            raise BlueprintError(
                f"The prior '{self.kind}' is for a code with classes, but a {model.code.kind} code has none. Use a "
                "joint code (recipe 'joint-vae'), or another prior."
            )

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, code) codes, where one of each variable's classes is 1, to (N,) nats."""
        sizes = model.code.categories
        return standard_log_prob(z[:, : z.shape[1] - sum(sizes)]) - sum(map(math.log, sizes))

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, code) standard normal numbers, unchanged; of those of a variable, the largest one's class."""
        sizes = model.code.categories
        numbers, *others = draws.split([draws.shape[1] - sum(sizes), *sizes], 1)
        return torch.cat([numbers, *map(one_hot, others)], 1)

    def kl(self, posterior: Any) -> Tensor:
        """(N, code) nats, from the posterior's own formula."""
        return posterior.kl()


def one_hot(numbers: Tensor) -> Tensor:
    """(N, K) numbers to 1 at each row's largest, and 0 elsewhere."""
    return torch.zeros_like(numbers).scatter(1, numbers.argmax(1, keepdim=True), 1)
