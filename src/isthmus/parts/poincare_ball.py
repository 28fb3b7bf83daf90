r"""The Poincaré ball, hyperbolic space of curvature -1 as the points of length below 1, and its normal distribution.

At x, lengths are multiplied by :math:`\lambda_x = 2 / (1 - \lVert x\rVert^2)`, so the space has ever more room towards
the edge, as a tree has ever more leaves.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.shown import Shown

EDGE = 1e-5
"""Points end so far before the edge, at a distance of 12.2 from 0: beyond, float32 has no digits left."""


@dataclass(frozen=True, repr=False)
class WrappedGaussian(Shown):
    r"""The wrapped normal distribution of each of N samples: normal steps from the mean, along shortest paths.

    :math:`\log q(z) = \log\mathcal N(v; 0, \operatorname{diag}\sigma^2) + (d-1)\log(r / \sinh r)` with
    :math:`v = \lambda_\mu\log_\mu(z)` and r its length, the distance of z to μ; in nats, with respect to the space's
    own volume.

    mean: (N, d) points, μ. log_variance: (N, d) log σ² of the steps.

    Source: Nagano et al., A wrapped normal distribution on hyperbolic space, ICML (2019); Mathieu et al., Continuous
    hierarchical representations with Poincaré variational auto-encoders, NeurIPS (2019).
    """

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """(N, K, d) standard normal numbers to (K·N, d) points, draw by draw."""
        steps = self._steps.sample(noise)
        return moved(self.mean.repeat(noise.shape[1], 1), steps)

    def log_prob(self, z: Tensor) -> Tensor:
        """(K·N, d) points, draw by draw, to (K·N,) log-densities in nats."""
        steps = path(self.mean.repeat(z.shape[0] // self.mean.shape[0], 1), z)
        length = lengths(steps)[:, 0]
        # log(r / sinh r), without cancellation for small r and without overflow for large
        narrowed = (2 * length).log() - length - (-torch.expm1(-2 * length)).log()
        return self._steps.log_prob(steps) + (z.shape[1] - 1) * narrowed

    def detached(self) -> "WrappedGaussian":
        """The same distribution without gradients."""
        return WrappedGaussian(self.mean.detach(), self.log_variance.detach())

    def kl(self) -> None:
        """The KL has no closed form."""
        return

    @property
    def _steps(self) -> DiagonalGaussian:
        return DiagonalGaussian(torch.zeros_like(self.mean), self.log_variance)


def from_origin(v: Tensor) -> Tensor:
    r"""(N, d) tangent vectors at 0 to points, :math:`\exp_0(v) = \tanh(\lVert v\rVert)\, v / \lVert v\rVert`."""
    length = lengths(v)
    return within(length.tanh() / length * v)


def nearer(v: Tensor, farthest: float) -> Tensor:
    """(N, d) tangent vectors at 0, whose points are then at most so far from 0; those near 0 hardly change."""
    length = lengths(v)
    return 0.5 * farthest * (2 * length / farthest).tanh() / length * v


def moved(x: Tensor, steps: Tensor) -> Tensor:
    r"""(N, d) points, (N, d) steps of true length to :math:`\exp_x(v / \lambda_x)`."""
    length = lengths(steps)
    return within(added(x, (0.5 * length).tanh() / length * steps))


def path(x: Tensor, z: Tensor) -> Tensor:
    r"""(N, d), (N, d) points to the steps from x to z, :math:`\lambda_x\log_x(z)`, the inverse of `moved`."""
    away = added(-x, z)
    length = lengths(away)
    return 2 * length.clamp(max=1 - 1e-7).atanh() / length * away


def added(x: Tensor, y: Tensor) -> Tensor:
    r"""(N, d), (N, d) to the Möbius sum :math:`x \oplus y`."""
    # the usual formula by x + y, so that nearly opposite points near the edge don't cancel in float32
    both = x + y
    square, xs, ys = (a.square().sum(1, keepdim=True) for a in (both, x, y))
    return (square * x + (1 - xs) * both) / (square + (1 - xs) * (1 - ys)).clamp(min=1e-12)


def within(x: Tensor) -> Tensor:
    """(N, d), drawn back to `EDGE` before the edge where they are beyond."""
    return x * ((1 - EDGE) / lengths(x)).clamp(max=1)


def lengths(x: Tensor) -> Tensor:
    """(N, d) to (N, 1), a tiny number instead of 0."""
    return x.square().sum(1, keepdim=True).clamp(min=1e-18).sqrt()


def normal_log_prob(z: Tensor, spread: float) -> Tensor:
    """(N, d) points to (N,) nats of the wrapped normal distribution around 0 with this σ."""
    center = z.new_zeros(1, z.shape[1])
    return WrappedGaussian(center, center + 2 * math.log(spread)).log_prob(z)
