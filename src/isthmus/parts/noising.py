r"""Diffusion's noise: samples mixed with noise at times 0 to 1, and deterministic steps (DDIM) between two times.

At time t, a sample is :math:`x_t = \alpha_t x + \sigma_t \epsilon` with :math:`\alpha_t = \cos(\pi t / 2)` and
:math:`\sigma_t = \sin(\pi t / 2)`: the cosine schedule, whose :math:`\bar\alpha_t` is :math:`\alpha_t^2`. The time is
an angle, from the sample at 0 to the noise at a right angle, and the velocity :math:`v = \alpha_t \epsilon -
\sigma_t x` is the derivative of :math:`x_t` by it.

Source: Nichol & Dhariwal, Improved denoising diffusion probabilistic models, ICML (2021), for the schedule; Salimans &
Ho, Progressive distillation for fast sampling of diffusion models, ICLR (2022), for the velocity and the angle; Song,
Meng & Ermon, Denoising diffusion implicit models, ICLR (2021), for the steps.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from isthmus.parts.constants import constant

LEAST = 0.01
"""The least time in training, where noise is 1.6 % of a sample: no more than the rounding of pictures to bytes."""
Denoiser = Callable[[Tensor, float], Tensor]
"""(N, *shape) noised samples and their time to the (N, *shape) velocity that is expected there."""


class Noising(NamedTuple):
    """The random numbers that noise N samples. time: (N,) in 0..1. noise: (N, *shape), standard normal."""

    time: Tensor
    noise: Tensor


def draw_noising(count: int, shape: tuple[int, ...], generator: torch.Generator) -> Noising:
    """The noise for `count` samples, and times that are spread evenly over a batch, so that its loss varies less.

    Source: Kingma et al., Variational diffusion models, NeurIPS (2021), appendix I.1, for the times.
    """
    device = generator.device
    first = torch.rand((), generator=generator, device=device)
    time = LEAST + (1 - LEAST) * (first + torch.arange(count, device=device) / max(1, count)).remainder(1)
    return Noising(time, torch.randn(count, *shape, generator=generator, device=device))


def shares(time: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) times to the shares of the sample and of the noise, α and σ, each (N, 1, …) to multiply `like`."""
    angle = (time.to(like) * (math.pi / 2)).view(-1, *[1] * (like.ndim - 1))
    return angle.cos(), angle.sin()


def noised(x: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """(N, *shape) samples and noise at (N,) times to the noised samples."""
    of_sample, of_noise = shares(time, x)
    return of_sample * x + of_noise * noise


def denoised(seen: Tensor, velocity: Tensor, time: Tensor) -> Tensor:
    """(N, *shape) noised samples and their velocity at (N,) times to the samples."""
    of_sample, of_noise = shares(time, seen)
    return of_sample * seen - of_noise * velocity


def ddim(denoiser: Denoiser, start: Tensor, steps: int) -> Tensor:
    """(N, *shape) noise to samples, in equal steps: each turns the noised sample by the same angle."""
    angle, x = math.pi / 2 / steps, start
    for step in range(steps, 0, -1):
        x = _rounded(math.cos(angle)) * x - _rounded(math.sin(angle)) * denoiser(x, step / steps)
    return x


def inverse_ddim(denoiser: Denoiser, samples: Tensor, steps: int, rounds: int) -> Tensor:
    """(N, *shape) samples to the noise from which `ddim` makes them.

    Each step solves for the noised sample that `ddim` turns into the known one, by fixed-point iterations. One round is
    the usual inverse, which takes the velocity at the known sample instead; with more rounds the result is exact.

    Source: Pan et al., Effective real image editing with accelerated iterative diffusion inversion, ICCV (2023).
    """
    angle, x = math.pi / 2 / steps, samples
    for step in range(1, steps + 1):
        known = x
        for _ in range(rounds):
            x = (known + _rounded(math.sin(angle)) * denoiser(x, step / steps)) / _rounded(math.cos(angle))
    return x


def features_of(time: Tensor, count: int) -> Tensor:
    """(N,) times to (N, 2 · count) waves of it, from half a turn to some hundred turns over all times."""
    waves = constant(tuple(_waves(count)), time) * time[:, None]
    return torch.cat([waves.cos(), waves.sin()], 1)


def features_at(time: float, count: int) -> tuple[float, ...]:
    """The same of one time, computed on the host, so that devices and exported programs get plain numbers."""
    waves = [wave * time for wave in _waves(count)]
    return *(_rounded(math.cos(wave)) for wave in waves), *(_rounded(math.sin(wave)) for wave in waves)


def _waves(count: int) -> list[float]:
    return [math.pi * 2 ** (8 * place / max(1, count - 1)) for place in range(count)]


def _rounded(x: float) -> float:
    """Without the last bits, in which the mathematical libraries of two machines may differ."""
    return round(x * 2**40) / 2**40
