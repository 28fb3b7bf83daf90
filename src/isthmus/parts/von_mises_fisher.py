r"""The von Mises–Fisher distribution: the normal distribution of directions.

All it needs are integrals over the angle θ to the mean direction, whose density is proportional to
:math:`e^{\kappa\cos\theta}\sin^{d-2}\theta`. They are Poisson's integrals of the modified Bessel functions, so that
:math:`I_{d/2-1}(\kappa)`, exponentially scaled, comes from a sum over a few angles, with every order and derivative, on
every device.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isthmus.parts.constants import constant
from isthmus.shown import Shown

NODES = 64
"""Angles of an integral, by Gauss and Legendre: the error is below float64's rounding."""
REACH = 10.0
"""Integrals go so many standard deviations from the mode; beyond them is less than exp(-50)."""


@dataclass(frozen=True, repr=False)
class VonMisesFisher(Shown):
    r""":math:`q(z|x) \propto e^{\kappa\,\mu^\top z}` on the unit sphere of d dimensions, for each of N samples.

    mean: (N, d), μ, of length 1. concentration: (N,), κ; 0 is uniform, and the spread falls with :math:`1/\sqrt\kappa`.

    Source: Davidson et al., Hyperspherical variational auto-encoders, UAI (2018).
    """

    mean: Tensor
    concentration: Tensor

    def detached(self) -> "VonMisesFisher":
        """The same distribution without gradients."""
        return VonMisesFisher(self.mean.detach(), self.concentration.detach())

    def log_prob(self, z: Tensor) -> Tensor:
        """(K·N, d), draw by draw, to (K·N,) log-densities with respect to the sphere's surface, in nats."""
        drawn, size = z.view(-1, *self.mean.shape), self.mean.shape[1]
        gap = 0.5 * (drawn - self.mean).square().sum(2)  # 1 - cos θ, without cancellation
        log_integral, _ = _integral(self.concentration, size)
        return (-self.concentration * gap - log_integral - log_surface(size - 1)).flatten()

    def kl(self) -> Tensor:
        r"""(N, 1) KL divergence to the uniform distribution in nats.

        :math:`\kappa\,\mathbb E\cos\theta - \log Z + \log Z_0`; Z is the integral of the angle's density, Z₀ its value
        at κ = 0.
        """
        size = self.mean.shape[1]
        log_integral, gap = _integral(self.concentration, size)
        uniform = log_surface(size) - log_surface(size - 1)
        return (uniform - self.concentration * gap - log_integral)[:, None]

    def sample(self, draws: Tensor) -> Tensor:
        r"""(N, K, 2·P + d) of `directions` to (K·N, d) codes, draw by draw.

        The angle is drawn by rejection (Ulrich's scheme, as corrected by Wood): of P proposals, the first one that is
        accepted. Its derivative by κ is the exact one of :math:`F(\theta; \kappa) = u` at constant u (implicit
        reparametrisation), so the rejection needs no correction term.

        Source: Wood, Simulation of the von Mises Fisher distribution (1994); Figurnov et al., Implicit
        reparameterization gradients, NeurIPS (2018).
        """
        size = self.mean.shape[1]
        proposals = (draws.shape[2] - size) // 2
        beta, uniform, noise = draws.split((proposals, proposals, size), 2)
        kappa = self.concentration[:, None].detach()
        angle = _accepted(beta, uniform, kappa, size)
        slope = _slope(angle, kappa.expand_as(angle), size)
        angle = angle + slope * (self.concentration[:, None] - kappa)
        across = noise - (noise * self.mean[:, None]).sum(2, keepdim=True) * self.mean[:, None]
        across = across / across.square().sum(2, keepdim=True).clamp(min=1e-12).sqrt()
        z = angle.cos()[..., None] * self.mean[:, None] + angle.sin()[..., None] * across
        return z.transpose(0, 1).flatten(0, 1)


def directions(count: int, draws: int, size: int, proposals: int, generator: torch.Generator) -> Tensor:
    """(N, K, 2·P + d) random numbers of `VonMisesFisher.sample`.

    For each proposal a number of the symmetric Beta distribution with (d - 1) / 2, and one in 0..1; then d standard
    normal ones for the direction.
    """
    device = generator.device
    points = torch.randn(count, draws, proposals, size, generator=generator, device=device)
    heights = points[..., 0] / points.square().sum(-1).clamp(min=1e-30).sqrt()  # of points on the unit sphere
    uniform = torch.rand(count, draws, proposals, generator=generator, device=device)
    noise = torch.randn(count, draws, size, generator=generator, device=device)
    return torch.cat([(1 + heights) / 2, uniform, noise], 2)


def log_surface(size: int) -> float:
    """The logarithm of the surface of the unit sphere of so many dimensions."""
    return math.log(2) + 0.5 * size * math.log(math.pi) - math.lgamma(0.5 * size)


def _accepted(beta: Tensor, uniform: Tensor, kappa: Tensor, size: int) -> Tensor:
    """(N, K, P), (N, K, P), (N, 1) to the (N, K) angles of the first accepted proposals; of the last, if none is."""
    kappa, m = kappa[..., None], size - 1
    root = (4 * kappa.square() + m**2).sqrt()
    b = m / (2 * kappa + root)
    total = 1 - (1 - b) * beta
    gap = 2 * b * beta / total  # 1 - cos θ
    # log of the ratio of the densities, of which the proposal's is scaled to lie above; without cancellation
    spread = 2 * b / (1 + b)
    ratio = (spread + (1 - spread) * gap) * (1 + b).square() / (4 * b)
    log_ratio = kappa * (spread - gap) + m * ratio.log()
    rejected = (log_ratio < uniform.log()).to(torch.int8).cumprod(-1).sum(-1).clamp(max=beta.shape[-1] - 1)
    gap = gap.gather(-1, rejected[..., None].long())[..., 0]
    return _angle(gap.clamp(min=1e-12))


def _integral(kappa: Tensor, size: int) -> tuple[Tensor, Tensor]:
    r"""(…) :math:`\log\int e^{-\kappa(1-\cos\theta)}\sin^{d-2}\theta\,d\theta`, and the mean of 1 - cos θ."""
    mode, width = _mode(kappa.detach(), size)
    angles, weights = _between((mode - REACH * width).clamp(min=0), (mode + REACH * width).clamp(max=math.pi))
    gaps = _gap(angles)
    exponents = -kappa[..., None] * gaps + _log_sines(angles, size) + weights.log()
    return exponents.logsumexp(-1), (exponents.softmax(-1) * gaps).sum(-1)


def _slope(angle: Tensor, kappa: Tensor, size: int) -> Tensor:
    r"""(N, K) derivative of a drawn angle by κ: :math:`-\int_0^\theta(\cos s - \mathbb E\cos)\,p(s)\,ds / p(\theta)`.

    The integral goes over the side of the angle that is smaller; over both sides it is 0.
    """
    mode, width = _mode(kappa, size)
    above = angle > mode
    low = torch.where(above, angle, (angle - REACH * width).clamp(min=0))
    high = torch.where(above, (angle + REACH * width).clamp(max=math.pi), angle)
    angles, weights = _between(low, high)
    _, mean_gap = _integral(kappa, size)
    here = kappa * _gap(angle) - _log_sines(angle, size)
    relative = (here[..., None] - kappa[..., None] * _gap(angles) + _log_sines(angles, size)).exp()
    part = ((mean_gap[..., None] - _gap(angles)) * relative * weights).sum(-1)
    return torch.where(above, part, -part)


def _mode(kappa: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The angle's mode, and an upper bound of the density's width there."""
    m = size - 2
    root = (m**2 + 4 * kappa.square()).sqrt()
    cosine = 2 * kappa / (m + root).clamp(min=1e-12)
    gap = m * (root + 2 * kappa + m) / ((root + 2 * kappa) * (root + m)).clamp(min=1e-12)  # 1 - cosine
    width = (kappa * cosine + m).clamp(min=1e-12).rsqrt()
    return _angle(gap), width


def _between(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """(…) bounds to the (…, NODES) angles between them and their weights."""
    nodes, weights = (constant(values, low) for values in _gauss_legendre())
    half = (high - low)[..., None] / 2
    return (low + high)[..., None] / 2 + half * nodes, half.clamp(min=1e-30) * weights


@functools.cache
def _gauss_legendre() -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(values.tolist()) for values in np.polynomial.legendre.leggauss(NODES))


def _angle(gap: Tensor) -> Tensor:
    """The angle of a gap of 1 - cos θ."""
    return 2 * torch.asin((0.5 * gap).clamp(0, 1).sqrt())


def _gap(angle: Tensor) -> Tensor:
    """1 - cos θ without cancellation."""
    return 2 * (angle / 2).sin().square()


def _log_sines(angle: Tensor, size: int) -> Tensor:
    """(d - 2) log sin θ."""
    return (size - 2) * angle.sin().clamp(min=1e-30).log()
