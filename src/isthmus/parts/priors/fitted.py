"""The fitted prior: a mixture of normal distributions that is fitted to the codes after training."""

import math
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.gaussians import standard_log_prob
from isthmus.parts.mixtures import factor_of, fit_mixture
from isthmus.parts.model import Model
from isthmus.parts.priors.mixture import _ByComponent, chosen_by

EACH = 5
"""At least this many codes for each component."""


class FittedPrior(_ByComponent):
    r"""A mixture with full covariances, fitted to the training part's codes after training.

    Training treats it as a standard normal, or doesn't look at it at all: `rae` has no prior in training. Afterwards
    codes are drawn from :math:`\sum_k \pi_k\,\mathcal N(\mu_k, \Sigma_k)`, which lies where the codes are.

    components: K; 1 is a single normal distribution. Fewer are fitted if there are few codes.

    Source: Ghosh et al., From variational to deterministic autoencoders, ICLR (2020), section 4.
    """

    kind: ClassVar[str] = "fitted"
    afterwards: ClassVar[Literal["", "means", "draws"]] = "draws"

    components: Annotated[int, Field(ge=1)] = 10

    def module(self, model: Model, generator: torch.Generator) -> nn.Module:
        """The mixture, which is a standard normal until it is fitted."""
        return FullNormals(self.components, math.prod(model.code_shape))

    def learn(self, codes: Tensor, module: nn.Module, generator: torch.Generator) -> None:
        """Fit the mixture to (N, *code) codes."""
        assert isinstance(module, FullNormals)
        components, seed = min(self.components, len(codes) // EACH), int(torch.randint(2**31, (), generator=generator))
        if not components:
            return
        found = fit_mixture(codes.flatten(1), components, seed)
        module.set(found.weights, found.means, found.covariances)

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) nats."""
        return self._normals(model).log_prob(z.flatten(1))

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, *code)."""
        noise = draws["noise"]
        return self._normals(model).sample(draws["component"], noise.flatten(1)).view_as(noise)

    def kl(self, posterior: Any) -> Tensor | None:
        """(N, *code) nats to the standard normal, which training pulls the codes towards."""
        return posterior.kl()

    def _normals(self, model: Model) -> "FullNormals":
        module = model.module_of(self)
        assert isinstance(module, FullNormals)
        return module


class FullNormals(nn.Module):
    """shares: (K,). means: (K, D). factors: (K, D, D), A with A·Aᵀ the covariance. inverses: (K, D, D), of A."""

    shares: Tensor
    means: Tensor
    factors: Tensor
    inverses: Tensor

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        eyes = torch.eye(size).expand(count, size, size)
        self.register_buffer("shares", torch.full((count,), 1 / count))
        self.register_buffer("means", torch.zeros(count, size))
        self.register_buffer("factors", eyes.clone())
        self.register_buffer("inverses", eyes.clone())

    def set(self, shares: Tensor, means: Tensor, covariances: Tensor) -> None:
        """Take the first components; the others get a share of 0."""
        count = len(shares)
        factors = torch.stack([factor_of(covariance) for covariance in covariances])
        self.shares.zero_()
        for own, found in ((self.shares, shares), (self.means, means), (self.factors, factors)):
            own[:count] = found.to(own)
        self.inverses[:count] = torch.linalg.inv(factors.double()).to(self.inverses)

    def log_prob(self, z: Tensor) -> Tensor:
        """(N, D) to (N,) nats."""
        white = torch.einsum("kij,nkj->nki", self.inverses, z[:, None] - self.means)
        each = standard_log_prob(white.flatten(0, 1)).view(len(z), -1)
        # of orthogonal columns, so that the determinant is the product of their lengths
        scales = self.factors.square().sum(1).sqrt().log().sum(1)
        return (each - scales + self.shares.log()).logsumexp(1)

    def sample(self, component: Tensor, noise: Tensor) -> Tensor:
        """(N,) in 0..1, (N, D) standard normal to (N, D)."""
        chosen = chosen_by(component, self.shares)
        return self.means[chosen] + torch.einsum("nij,nj->ni", self.factors[chosen], noise)
