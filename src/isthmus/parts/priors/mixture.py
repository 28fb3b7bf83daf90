"""Priors that are mixtures of normal distributions, and the one whose components learn by themselves."""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.model import Model
from isthmus.parts.part import Shape
from isthmus.parts.priors.prior import Prior


class _ByComponent(Prior):
    """Draws choose a component first, then a code of it."""

    def draw(self, count: int, code: Shape, generator: torch.Generator) -> dict[str, Tensor]:
        """(N,) numbers in 0..1 that choose each code's component, and (N, *code) standard normal numbers."""
        component = torch.rand(count, generator=generator, device=generator.device)
        noise = torch.randn(count, *code, generator=generator, device=generator.device)
        return {"component": component, "noise": noise}


class _Mixture(_ByComponent):
    r"""A mixture :math:`p(z) = \sum_k \pi_k \mathcal N(z; \mu_k, \operatorname{diag}\sigma_k^2)`.

    A kind gives its components, (K, *code), and the logarithms of their shares, (K,).
    """

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) nats."""
        normals, log_shares = self.components_of(model)
        count = len(log_shares)
        pairs = z[:, None].expand(-1, count, *z.shape[1:]).flatten(0, 1)  # each code with each component
        return (normals.log_prob(pairs).view(-1, count) + log_shares).logsumexp(1)

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, *code)."""
        normals, log_shares = self.components_of(model)
        chosen = chosen_by(draws["component"], log_shares.exp())
        return DiagonalGaussian(normals.mean[chosen], normals.log_variance[chosen]).sample(draws["noise"][:, None])

    def components_of(self, model: Model) -> tuple[DiagonalGaussian, Tensor]:
        """The K components and the (K,) logarithms of their shares."""
        raise NotImplementedError


class MixturePrior(_Mixture):
    r"""A mixture of K normal distributions whose means, variances and shares are weights of the model.

    The codes may then form clusters. It has few weights, and a step takes hardly longer than with a standard normal.

    components: K. Their means start as draws of a standard normal.

    Source: Dilokthanakul et al., Deep unsupervised clustering with Gaussian mixture variational autoencoders (2016);
    as a prior of its own: Tomczak & Welling, VAE with a VampPrior, AISTATS (2018), section 5.
    """

    kind: ClassVar[str] = "mixture"

    components: Annotated[int, Field(ge=1)] = 50

    def module(self, model: Model, generator: torch.Generator) -> nn.Module:
        """The components."""
        return Components(torch.randn(self.components, *model.code_shape, generator=generator))

    def components_of(self, model: Model) -> tuple[DiagonalGaussian, Tensor]:
        """The K components and the (K,) logarithms of their shares."""
        module: Any = model.module_of(self)
        features = torch.cat([module.means, module.log_variances], 1)
        return DiagonalGaussian.of(features), module.logits.log_softmax(0)


class Components(nn.Module):
    """means, log_variances: (K, *code). logits: (K,) of the shares."""

    def __init__(self, means: Tensor) -> None:
        super().__init__()
        self.means, self.log_variances = nn.Parameter(means), nn.Parameter(torch.zeros_like(means))
        self.logits = nn.Parameter(means.new_zeros(len(means)))


def chosen_by(numbers: Tensor, shares: Tensor) -> Tensor:
    """(N,) numbers in 0..1 and (K,) shares to (N,) int64, each k as often as its share says."""
    return torch.searchsorted(shares.cumsum(0).to(numbers.dtype), numbers, right=True).clamp(max=len(shares) - 1)
