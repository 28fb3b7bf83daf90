"""The two-stage prior: a second VAE that learns the distribution of the first one's codes after training."""

import itertools
import math
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.gaussians import DiagonalGaussian, standard_log_prob
from isthmus.parts.layers import initialise
from isthmus.parts.model import Model
from isthmus.parts.part import Shape
from isthmus.parts.priors.prior import Prior

BATCH, RATE = 256, 3e-3
"""Codes in a step of the second stage, and its learning rate at first; it falls to 0 along a cosine."""
LEAST = 1e-6
"""The least γ², relative to the codes' variance."""


class TwoStage(Prior):
    r"""A second VAE with a code u as large as z: :math:`p(z) = \int p(z|u)\,\mathcal N(u; 0, I)\,du`.

    Training treats the prior as a standard normal. But the codes don't follow it exactly, and draws from it then look
    worse than reconstructions. After training, a small VAE learns the distribution that the codes have:
    :math:`p(z|u) = \mathcal N(z; g(u), \gamma^2 I)`. A draw of u gives z, and the decoder makes the sample.

    The density has no closed form. `log_prob` is the importance-weighted estimate of a few draws of u, always with the
    same random numbers, so likelihoods are lower bounds on average.

    widths: of the second VAE's hidden layers. steps: of its training, at most; `passes` over the codes, at most.
    draws: of u, for the density.

    Source: Dai & Wipf, Diagnosing and enhancing VAE models, ICLR (2019).
    """

    kind: ClassVar[str] = "two-stage"
    afterwards: ClassVar[Literal["", "means", "draws"]] = "draws"

    widths: tuple[Annotated[int, Field(ge=1)], ...] = (256, 256)
    steps: Annotated[int, Field(ge=1)] = 3000
    passes: Annotated[int, Field(ge=1)] = 100
    draws: Annotated[int, Field(ge=1)] = 16

    def module(self, model: Model, generator: torch.Generator) -> nn.Module:
        """The second VAE, which is a standard normal until it is trained."""
        return SecondStage(math.prod(model.code_shape), self.widths, self.draws, generator)

    def learn(self, codes: Tensor, module: nn.Module, generator: torch.Generator) -> None:
        """Train the second VAE on (N, *code) codes."""
        assert isinstance(module, SecondStage)
        if len(codes) > 1:
            module.learn(codes.flatten(1), min(self.steps, self.passes * -(-len(codes) // BATCH)), generator)

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) nats, estimated."""
        return self._stage(model).log_prob(z.flatten(1))

    def draw(self, count: int, code: Shape, generator: torch.Generator) -> dict[str, Tensor]:
        """(N, *code) standard normal numbers: u, and the noise around g(u)."""
        return {
            name: torch.randn(count, *code, generator=generator, device=generator.device) for name in ("above", "noise")
        }

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, *code)."""
        above, noise = draws["above"], draws["noise"]
        return self._stage(model).sample(above.flatten(1), noise.flatten(1)).view_as(above)

    def kl(self, posterior: Any) -> Tensor | None:
        """(N, *code) nats to the standard normal, which training pulls the codes towards."""
        return posterior.kl()

    def _stage(self, model: Model) -> "SecondStage":
        module = model.module_of(self)
        assert isinstance(module, SecondStage)
        return module


class SecondStage(nn.Module):
    """A VAE over codes of D numbers, whose weights are buffers.

    up: z to mean and log-variance of u. down: u to g(u). log_spread: log γ. shift, scale: (D,) of the codes.
    noise: (draws, D) of the density. trained: 0, as long as the prior is a standard normal, then 1.
    """

    shift: Tensor
    scale: Tensor
    noise: Tensor
    trained: Tensor

    def __init__(self, size: int, widths: tuple[int, ...], draws: int, generator: torch.Generator) -> None:
        super().__init__()
        self.up, self.down = _layers(size, widths, 2 * size, generator), _layers(size, widths, size, generator)
        self.log_spread = nn.Parameter(torch.zeros(()))
        self.register_buffer("shift", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.register_buffer("noise", torch.randn(draws, size, generator=generator))
        self.register_buffer("trained", torch.zeros(()))
        _as_buffers(self)

    def learn(self, codes: Tensor, steps: int, generator: torch.Generator) -> None:
        """Train on (N, D) codes by so many steps."""
        place = self.shift.device
        self.to("cpu")  # small steps; the draws are the same on every device
        codes = codes.to(self.shift)
        self.shift.copy_(codes.mean(0))
        self.scale.copy_(codes.std(0).clamp(min=1e-6))
        scaled = (codes - self.shift) / self.scale
        weights = [weight.requires_grad_() for part in (self.up, self.down) for weight in part.buffers()]
        optimiser = torch.optim.Adam(weights, RATE)
        with torch.enable_grad():
            for step in range(steps):
                optimiser.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
                rows = torch.randint(len(scaled), (min(BATCH, len(scaled)),), generator=generator)
                optimiser.zero_grad()
                error, kl = self._terms(scaled[rows], generator)
                # the best γ² for these codes is their mean squared error
                (0.5 * scaled.shape[1] * error.log() + kl).backward()
                optimiser.step()
        for weight in weights:
            weight.requires_grad_(False)
            weight.grad = None
        with torch.no_grad():
            self.log_spread.copy_(0.5 * self._terms(scaled, generator)[0].log())
        self.trained.fill_(1)
        self.to(place)

    def _terms(self, scaled: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The mean squared error of a number, with its floor, and the mean KL, of (N, D) scaled codes."""
        above = DiagonalGaussian.of(self.up(scaled))
        noise = torch.randn(len(scaled), 1, scaled.shape[1], generator=generator).to(scaled)
        error = (self.down(above.sample(noise)) - scaled).square().mean()
        return error + LEAST, above.kl().sum(1).mean()

    def log_prob(self, z: Tensor) -> Tensor:
        """(N, D) to (N,) nats."""
        scaled = (z - self.shift) / self.scale
        above = DiagonalGaussian.of(self.up(scaled))
        u = above.sample(self.noise.expand(len(z), *self.noise.shape))
        below = self.down(u).view(-1, *z.shape)
        each = -0.5 * ((scaled - below).square() * (-2 * self.log_spread).exp()).sum(2)
        each = each - z.shape[1] * (self.log_spread + 0.5 * math.log(2 * math.pi)) - self.scale.log().sum()
        weights = each + (standard_log_prob(u) - above.log_prob(u)).view(each.shape)
        found = weights.logsumexp(0) - math.log(len(weights))
        return torch.where(self.trained > 0, found, standard_log_prob(z))

    def sample(self, u: Tensor, noise: Tensor) -> Tensor:
        """(N, D) standard normal numbers to (N, D) codes."""
        scaled = self.down(u) + self.log_spread.exp() * noise
        return torch.where(self.trained > 0, scaled * self.scale + self.shift, u)


def _layers(size: int, widths: tuple[int, ...], last: int, generator: torch.Generator) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise((size, *widths)):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.01)]
        initialise(layers[-2], "leaky-relu", generator)
    layers.append(nn.Linear(widths[-1] if widths else size, last))
    initialise(layers[-1], "identity", generator)
    return nn.Sequential(*layers)


def _as_buffers(module: nn.Module) -> None:
    """Make all weights buffers, which the training of the model leaves alone."""
    for part in module.modules():
        for name, weight in [*part.named_parameters(recurse=False)]:
            delattr(part, name)
            part.register_buffer(name, weight.detach())
