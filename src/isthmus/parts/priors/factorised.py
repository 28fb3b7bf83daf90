"""The factorised prior: each channel of a rounded code has its own learnt distribution."""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.model import Model
from isthmus.parts.part import Shape
from isthmus.parts.priors.prior import Prior
from isthmus.parts.priors.tables import TAIL, Tables, tables_of

WIDTHS = (1, 3, 3, 3, 1)
"""The numbers in the layers of each channel's distribution function."""
SPREAD = 1.0
"""The width of the distributions at first, in steps of the middle quality."""
MOST_REACH = 2**12
"""No table goes further from 0, in steps; what lies beyond is an escape."""
GAIN = 5.0
"""The weights of a distribution are multiplied by this, so that the optimiser moves them faster than a network's."""
WIDEST = 2.0**20
"""No code is further from 0, in the same steps."""


class Factorised(Prior):
    r"""Independent numbers; those of one channel share a learnt distribution: :math:`p(z) = \prod_{c,i} p_c(z_{ci})`.

    The prior of a `rounded` code. The information content of a number is that of the step around it,
    :math:`-\log(F_c(z + \Delta/2) - F_c(z - \Delta/2))`, in which F is a small monotone network for each channel.

    Source: Ballé, Laparra & Simoncelli, End-to-end optimized image compression, ICLR (2017); F by Ballé et al.,
    Variational image compression with a scale hyperprior, ICLR (2018), appendix 6.1.
    """

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code isn't rounded."""
        check_rounded(self, model)

    def side_shape(self, code: Shape) -> Shape:
        """The shape of the side information; (0,) if there is none."""
        return (0,)

    def entropy(self, code: Shape, qualities: int, steps: tuple[float, float], generator: torch.Generator) -> nn.Module:
        """The entropy model, which is a module of the code (see `Rounded`). steps: the coarsest and the finest."""
        return FactorisedEntropy(code[0], math.sqrt(steps[0] * steps[1]), generator)

    def kl(self, posterior: Any) -> Tensor:
        """(N, numbers) information content of each number, in nats; that of the side information first."""
        return posterior.entropy.nats(posterior.z, posterior.steps, posterior.side, posterior.quality)

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) log-densities in nats, at the code's own quality."""
        module: Any = model.code_module
        quality = model.code.at(None, len(z), z)
        steps = module.steps(quality, z.ndim)
        nats = module.entropy.nats(z, steps, module.entropy.side(z, quality, None), quality)
        return -nats.sum(1) - steps.log().expand_as(z).flatten(1).sum(1)

    def draw(self, count: int, code: Shape, generator: torch.Generator) -> Tensor:
        """(N, numbers) in 0..1, for the side information and for the code."""
        numbers = math.prod(self.side_shape(code)) + math.prod(code)
        return torch.rand(count, numbers, generator=generator, device=generator.device)

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, numbers) in 0..1 to (N, *code)."""
        module: Any = model.code_module
        quality = model.code.at(None, len(draws), draws)
        steps = module.steps(quality, 1 + len(model.code_shape))
        return module.entropy.sample(draws, model.code_shape, steps, quality)


class FactorisedEntropy(nn.Module):
    """The information content of codes without side information."""

    def __init__(self, channels: int, step: float, generator: torch.Generator) -> None:
        super().__init__()
        self.density = Density(channels, SPREAD * step, generator)

    def side(self, features: Tensor, quality: Tensor, noise: Tensor | None) -> None:
        """There is no side information."""
        return

    def side_symbols(self, features: Tensor, quality: Tensor) -> None:
        """There is no side information."""
        return

    def nats(self, z: Tensor, steps: Tensor, side: None, quality: Tensor) -> Tensor:
        """(N, C, *grid), (N, C, 1 …) to (N, numbers)."""
        return self.density(z, steps).flatten(1)

    def sample(self, draws: Tensor, code: Shape, steps: Tensor, quality: Tensor) -> Tensor:
        """(N, numbers) in 0..1 to (N, C, *grid) codes, which are multiples of their steps."""
        z = self.density.quantile(draws.view(-1, *code))
        return steps * torch.round(z / steps)

    def tables(self, steps: Tensor) -> Tables:
        """(C,) steps of one quality to the tables of the symbols, a row for each channel."""
        return self.density.tables(steps)


class Density(nn.Module):
    r"""A learnt distribution for each channel, by its distribution function F.

    The logit of F is a network of one input and one output: :math:`h \mapsto g(\mathrm{softplus}(H) h + b)`,
    :math:`g(h) = h + \tanh(a) \tanh(h)`. Its weights are positive and its activations increase, so F does.

    scale: the unit of the codes in the first layer.
    """

    def __init__(self, channels: int, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        self.scale = scale
        self.matrices, self.biases, self.factors = (nn.ParameterList() for _ in range(3))
        for before, after in pairwise(WIDTHS):
            start = math.log(math.expm1(1 / after)) / GAIN
            self.matrices.append(nn.Parameter(torch.full((channels, after, before), start)))
            self.biases.append(nn.Parameter((torch.rand(channels, after, 1, generator=generator) - 0.5) / GAIN))
            if after > 1:
                self.factors.append(nn.Parameter(torch.zeros(channels, after, 1)))

    def logits(self, x: Tensor) -> Tensor:
        """(C, n) numbers of each channel to the logits of F."""
        h = (x / self.scale)[:, None]
        with torch.autocast(x.device.type, enabled=False):
            for number, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
                h = F.softplus(GAIN * matrix) @ h + GAIN * bias
                if number < len(self.factors):
                    h = h + torch.tanh(GAIN * self.factors[number]) * torch.tanh(h)
        return h[:, 0]

    def forward(self, z: Tensor, steps: Tensor) -> Tensor:
        """(N, C, *grid) numbers and (N, C, 1 …) steps to (N, C, *grid), each step's information content in nats."""
        half = (steps / 2).expand_as(z)
        lower, upper = self.logits(torch.cat([_by_channel(z - half), _by_channel(z + half)], 1)).chunk(2, 1)
        sign = torch.where(lower + upper > 0, -1.0, 1.0).to(z.dtype)  # in the tail, where differences are exact
        ends = F.logsigmoid(sign * upper), F.logsigmoid(sign * lower)
        nats = -log_difference(torch.maximum(*ends), torch.minimum(*ends))
        return nats.view(z.shape[1], z.shape[0], *z.shape[2:]).transpose(0, 1)

    def quantile(self, shares: Tensor) -> Tensor:
        """(N, C, *grid) in 0..1 to the numbers with these shares of their channel's distribution below them."""
        wanted = torch.logit(_by_channel(shares), 1e-9)
        low, high = torch.full_like(wanted, -WIDEST * self.scale), torch.full_like(wanted, WIDEST * self.scale)
        for _ in range(64):
            middle = (low + high) / 2
            below = self.logits(middle) < wanted
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return high.view(shares.shape[1], shares.shape[0], *shares.shape[2:]).transpose(0, 1)

    def tables(self, steps: Tensor) -> Tables:
        """(C,) steps to the tables of the symbols, a row for each channel.

        In arithmetic that is exact, or equal on all machines, the tables are equal on all machines.
        """
        reach = 32
        while reach < MOST_REACH and not self._within(reach, steps):
            reach *= 2
        edges = torch.arange(-reach, reach + 2, device=steps.device).to(steps.dtype) - 0.5
        shares = torch.sigmoid(self.logits(edges * steps[:, None]))
        first = (shares[:, 1:-1] < TAIL).sum(1)  # of the numbers that aren't in the lower tail
        last = 2 * reach - (shares[:, 1:-1] > 1 - TAIL).sum(1)
        sizes = (last - first + 1).clamp(min=1)
        places = first[:, None] + torch.arange(int(sizes.max()) + 1, device=steps.device)
        shares = shares.gather(1, places.clamp(max=2 * reach + 1))
        return tables_of(shares[:, 1:] - shares[:, :-1], first - reach, sizes)

    def _within(self, reach: int, steps: Tensor) -> bool:
        """Whether all channels have all but their tails within so many steps of 0."""
        ends = self.logits(steps[:, None] * steps.new_tensor([-reach, reach]))
        return bool((torch.sigmoid(ends[:, 0]) < TAIL).all() and (torch.sigmoid(-ends[:, 1]) < TAIL).all())


def log_difference(larger: Tensor, smaller: Tensor) -> Tensor:
    """log(exp(larger) - exp(smaller)), and a finite number if both are equal."""
    return larger + torch.log((-torch.expm1(smaller - larger)).clamp(min=1e-30))


def check_rounded(prior: Prior, model: Model) -> None:
    """Raise BlueprintError if the code of this prior isn't rounded."""
    if not hasattr(model.code_module, "entropy"):
        raise BlueprintError(
            f"The prior {prior.kind!r} gives the probability of rounded numbers, but a {model.code.kind} code isn't "
            "rounded. Use a rounded code (recipe 'image-codec'), or another prior."
        )


def _by_channel(z: Tensor) -> Tensor:
    """(N, C, *grid) to (C, N · grid)."""
    return z.transpose(0, 1).flatten(1)
