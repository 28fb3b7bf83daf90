"""The hyperprior: side information gives the scale of each number of a rounded code."""

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.bounds import floored
from isthmus.parts.layers import Head, initialise
from isthmus.parts.part import Shape
from isthmus.parts.priors.factorised import SPREAD, Density, Factorised, log_difference
from isthmus.parts.priors.tables import LEAST_SCALE, Tables, normal_tables, scale_bounds
from isthmus.parts.steps import Steps, rounded

KERNEL, STRIDE = 3, 2
"""Of the convolutions between the code and the side information."""
FLOOR = math.log(LEAST_SCALE)
"""The lower bound of log σ, in steps: a number is then 0 with near certainty."""
SIDE_STEPS = 0.4, 0.2
"""The first steps of the side information, at the lowest and at the highest quality."""


class Hyper(Factorised):
    r"""Normal numbers with scales from side information: :math:`p(z, w) = p(w)\prod_i \mathcal N(z_i; 0, \sigma_i(w))`.

    The hyper-analysis, a small network, computes a few numbers w for each region: how large the code is there. They are
    rounded, too, and have a factorised prior. The hyper-synthesis computes σ from w. So smooth regions of a picture
    cost few bits, and regions with detail cost no more than necessary. The information content of a number is that of
    the step around it, as in `Factorised`.

    side: the channels of w; it has a quarter of the code's positions along each axis. width: of the layers between.

    Source: Ballé et al., Variational image compression with a scale hyperprior, ICLR (2018).
    """

    side: Annotated[int, Field(ge=1)] = 48
    width: Annotated[int, Field(ge=1)] = 96

    def side_shape(self, code: Shape) -> Shape:
        """(side, H / 4, W / 4), rounded up."""
        return (self.side, *(-(-side // STRIDE**2) for side in _as_map(code)[1:]))

    def entropy(self, code: Shape, qualities: int, steps: tuple[float, float], generator: torch.Generator) -> nn.Module:
        """The entropy model, which is a module of the code (see `Rounded`). steps: the coarsest and the finest."""
        unit = math.sqrt(steps[0] * steps[1])
        return HyperEntropy(
            _as_map(code), self.side, self.width, unit, Steps(self.side, qualities, *SIDE_STEPS), generator
        )


class HyperEntropy(nn.Module):
    """The information content of codes with side information.

    analysis: code to side information, of which only the encoder has need. synthesis: side information to log σ.
    density: the distribution of the side information, which is rounded to multiples of `steps`.
    unit: of σ and of the code in the analysis, about a step.

    A code without height, such as a series', or without any positions, is a map of height, or of both sides, 1.
    """

    def __init__(
        self, code: Shape, side: int, width: int, unit: float, steps: Steps, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.unit, self.steps = unit, steps
        self.density = Density(side, SPREAD * math.sqrt(SIDE_STEPS[0] * SIDE_STEPS[1]), generator)
        self.analysis = nn.Sequential(
            nn.Conv2d(code[0], width, 1),
            nn.LeakyReLU(0.01),
            nn.Conv2d(width, width, KERNEL, stride=STRIDE, padding=KERNEL // 2),
            nn.LeakyReLU(0.01),
            nn.Conv2d(width, side, KERNEL, stride=STRIDE, padding=KERNEL // 2),
        )
        grow: dict[str, Any] = {"stride": STRIDE, "padding": KERNEL // 2, "output_padding": STRIDE - 1}
        self.synthesis = nn.Sequential(
            nn.ConvTranspose2d(side, width, KERNEL, **grow),
            nn.LeakyReLU(0.01),
            nn.ConvTranspose2d(width, width, KERNEL, **grow),
            nn.LeakyReLU(0.01),
            nn.Conv2d(width, code[0], 1),
            Head(code[1:]),
        )
        for network in (self.analysis, self.synthesis):
            products = [layer for layer in network if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
            for layer in products:
                initialise(layer, "identity" if layer is products[-1] else "leaky-relu", generator)
                layer.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] PyTorch's stub lacks it

    def side(self, features: Tensor, quality: Tensor, noise: Tensor | None) -> Tensor:
        """(N, C, *grid) features to (N, side, h, w) side information; noise: (N, numbers), that of w first."""
        w = self._side_features(features)
        own = None if noise is None else noise[:, : w[0].numel()]
        return rounded(w, self.steps(quality, 4), own)

    def side_symbols(self, features: Tensor, quality: Tensor) -> Tensor:
        """(N, C, *grid) features to (N, side, h, w) whole numbers, int64."""
        return torch.round(self._side_features(features) / self.steps(quality, 4)).long()

    def side_code(self, symbols: Tensor, quality: Tensor) -> Tensor:
        """(N, side, h, w) symbols to the side information, in the quality's type."""
        return symbols.to(quality.dtype) * self.steps(quality, 4)

    def log_scales(self, side: Tensor, steps: Tensor) -> Tensor:
        """(N, C, H, W) log σ in steps, from (N, side, h, w) and the (N, C, 1 …) steps of the code."""
        in_units = self.synthesis(side).to(steps.dtype)
        return floored(in_units + (math.log(self.unit) - steps.flatten(1)[..., None, None].log()), FLOOR)

    def nats(self, z: Tensor, steps: Tensor, side: Tensor, quality: Tensor) -> Tensor:
        """(N, numbers) information content, in nats; that of the side information first."""
        of_side = self.density(side, self.steps(quality, 4))
        scales = self.log_scales(side, steps).exp().view_as(z)
        away = (z / steps).abs()  # the nearer end of the step lies towards 0, where the distribution function is exact
        ends = [torch.special.log_ndtr((half - away) / scales) for half in (0.5, -0.5)]
        return torch.cat([of_side.flatten(1), -log_difference(*ends).flatten(1)], 1)

    def sample(self, draws: Tensor, code: Shape, steps: Tensor, quality: Tensor) -> Tensor:
        """(N, numbers) in 0..1 to (N, C, *grid) codes, which are multiples of their steps."""
        numbers = math.prod(code)
        shape = self._side_features(draws.new_zeros(1, *code)).shape[1:]
        side = rounded(self.density.quantile(draws[:, :-numbers].view(-1, *shape)), self.steps(quality, 4), None)
        normal = torch.special.ndtri(draws[:, -numbers:].view(-1, *code).clamp(1e-7, 1 - 1e-7))
        return steps * torch.round(self.log_scales(side, steps).exp().view_as(normal) * normal)

    def side_tables(self, quality: Tensor) -> Tables:
        """The tables of the side information's symbols at a quality (1,), a row for each channel."""
        return self.density.tables(self.steps(quality, 2)[0])

    def tables(self) -> Tables:
        """The 64 tables of the code's symbols; `rows` says which one each symbol has."""
        return normal_tables()

    def rows(self, side: Tensor, steps: Tensor) -> Tensor:
        """(N, C, H, W) the number of each symbol's table, int64, from the side information and the code's steps."""
        logarithms = self.log_scales(side, steps).contiguous()
        return torch.bucketize(logarithms, scale_bounds().to(logarithms))

    def _side_features(self, features: Tensor) -> Tensor:
        """(N, C, *grid) to (N, side, h, w), not yet rounded."""
        sizes = (features / self.unit).abs().log1p()
        return self.analysis(sizes.view(sizes.shape[0], *_as_map(tuple(sizes.shape[1:])))).to(features.dtype)


def _as_map(code: Shape) -> Shape:
    """(C, *grid) to (C, H, W)."""
    return (code[0], *[1] * (3 - len(code)), *code[1:])
