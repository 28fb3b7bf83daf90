"""Optimal transport: what it costs to move a batch's codes to draws of their prior."""

import math
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import Model
from isthmus.parts.penalties.mmd import of_prior, squared_distances
from isthmus.parts.penalties.penalty import Penalty, Weight
from isthmus.parts.shared_batch import whole


class _Transport(Penalty):
    """A cost between a batch's codes and as many draws of their prior, the same for each sample of the batch."""

    over_batch: ClassVar[bool] = True
    towards_prior: ClassVar[bool] = True


class Sliced(_Transport):
    r"""Squared sliced Wasserstein distance, :math:`\mathbb E_\omega W_2^2(\omega^\top z, \omega^\top p)`.

    Codes and draws of the prior are projected onto random directions ω. On a line the best transport is known: both
    are sorted. Each sample of the batch brings one direction. A step hardly takes longer, and there is no kernel to
    choose.

    Source: Kolouri et al., Sliced Wasserstein auto-encoders, ICLR (2019).
    """

    weight: Weight = 10.0

    def draw(self, count: int, model: Model, generator: torch.Generator) -> dict[str, Any]:
        """The random numbers for N draws of the prior, and N directions, (N, code)."""
        size = math.prod(model.code_shape)
        directions = torch.randn(count, size, generator=generator, device=generator.device)
        return {"prior": model.code.prior.draw(count, model.code_shape, generator), "directions": directions}

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) the batch's distance; without `draws`, the prior's draws and the directions are fixed."""
        if draws is None:
            like, generator = out.code.z, torch.Generator().manual_seed(0)
            drawn = self.draw(len(out.clean), model, generator)["directions"].to(like)
            prior = of_prior(len(out.clean), model)
        else:
            drawn, prior = draws["directions"], of_prior(len(out.clean), model, draws["prior"])
        distance = sliced_distance(whole(out.code.z), whole(prior), whole(drawn))
        return distance.expand(len(out.clean))


class Sinkhorn(_Transport):
    r"""Sinkhorn divergence :math:`T_\varepsilon(q, p) - \frac12 T_\varepsilon(q, q) - \frac12 T_\varepsilon(p, p)`.

    T is the cost of the best transport between codes and draws of the prior, with squared distances and an entropy of
    weight ε, by a fixed number of Sinkhorn's iterations. It is 0 if both are the same. A large ε makes it a kernel
    discrepancy, a small one the transport itself, which needs more iterations. A step of 256 samples takes a few times
    as long as with `mmd`.

    temperature: ε, as a multiple of the mean squared distance of two draws of a standard normal, 2d for codes of d
        numbers. iterations: the first half of them lowers ε to its value, from the largest cost on.

    Source: Patrini et al., Sinkhorn autoencoders, UAI (2019); Feydy et al., Interpolating between optimal transport and
    MMD using Sinkhorn divergences, AISTATS (2019).
    """

    weight: Weight = 3.0
    temperature: Annotated[float, Field(gt=0)] = 0.05
    iterations: Annotated[int, Field(ge=1)] = 20

    def draw(self, count: int, model: Model, generator: torch.Generator) -> Any:
        """The random numbers for N draws of the prior."""
        return model.code.prior.draw(count, model.code_shape, generator)

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) the batch's divergence; without `draws`, the prior's draws are fixed."""
        codes, prior = whole(out.code.z), whole(of_prior(len(out.clean), model, draws))
        epsilon = self.temperature * 2 * math.prod(model.code_shape)
        return sinkhorn_divergence(codes, prior, epsilon, self.iterations).expand(len(out.clean))


def sliced_distance(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """(K·n, …) and (n, …) samples, (m, D) directions of any length to the scalar squared sliced distance."""
    x, y = x.flatten(1), y.flatten(1)
    y = y.repeat(len(x) // max(1, len(y)), 1)
    with torch.autocast(x.device.type, enabled=False):  # in bfloat16, the order would be lost
        unit = directions / directions.square().sum(1, keepdim=True).clamp(min=1e-30).sqrt()
        along = [(values @ unit.T).sort(0).values for values in (x, y)]
        return (along[0] - along[1]).square().mean()


def sinkhorn_divergence(x: Tensor, y: Tensor, epsilon: float, iterations: int) -> Tensor:
    """(n, …) and (m, …) samples to the scalar divergence (see `Sinkhorn`)."""
    x, y = x.flatten(1), y.flatten(1)
    with torch.autocast(x.device.type, enabled=False):
        own = [transport_cost(z, z, epsilon, iterations) for z in (x, y)]
        return transport_cost(x, y, epsilon, iterations) - 0.5 * (own[0] + own[1])


def transport_cost(x: Tensor, y: Tensor, epsilon: float, iterations: int) -> Tensor:
    """(n, D) and (m, D) samples to the scalar cost of the transport with an entropy, for squared distances.

    Its gradient is that at the best plan, which is held fixed: the derivative of a minimum.
    """
    costs = squared_distances(x, y)
    with torch.no_grad():
        fixed, (n, m) = costs.detach(), costs.shape
        f, g = fixed.new_zeros(n), fixed.new_zeros(m)
        for warmth in _cooling(fixed.max(), epsilon, iterations):
            # both sides move half of the way, so that the plan of a set to itself stays symmetric
            to_f = -warmth * ((g - fixed) / warmth - math.log(m)).logsumexp(1)
            to_g = -warmth * ((f[:, None] - fixed) / warmth - math.log(n)).logsumexp(0)
            f, g = (f + to_f) / 2, (g + to_g) / 2
        f = -epsilon * ((g - fixed) / epsilon - math.log(m)).logsumexp(1)
        plan = ((f[:, None] + g - fixed) / epsilon - math.log(n * m)).exp()
        value = f.mean() + g.mean()
    moved = (plan * costs).sum()
    return value + (moved - moved.detach())


def _cooling(start: Tensor, epsilon: float, iterations: int) -> list[Tensor]:
    """ε at each iteration: from the largest cost down to its value within the first half."""
    steps = torch.arange(iterations, device=start.device, dtype=start.dtype)
    share = (steps / max(1, iterations // 2)).clamp(max=1)
    highest = start.clamp(min=epsilon).log()
    return list((highest + share * (math.log(epsilon) - highest)).exp())
