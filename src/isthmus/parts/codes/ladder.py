"""The ladder code: two levels, where the upper level gives the prior of the lower level."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor, nn

from isthmus.parts.codes.code import CodeKind, Turns, check_flat
from isthmus.parts.forward_pass import Code
from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.layers import initialise
from isthmus.parts.part import Shape
from isthmus.parts.priors import Prior, TopDown


@dataclass(frozen=True)
class LadderPosterior:
    r"""The posterior :math:`q(z_2|x)\,q(z_1|x, z_2)`, and :math:`p(z_1|z_2)`, at the drawn z₂.

    upper: q(z₂|x) of N samples. lower, expected: q(z₁|x, z₂) and p(z₁|z₂) of the K·N draws.
    """

    upper: DiagonalGaussian
    lower: DiagonalGaussian
    expected: DiagonalGaussian

    def log_prob(self, z: Tensor) -> Tensor:
        """(K·N, code) drawn codes to (K·N,) log-densities in nats."""
        split = self.lower.mean.shape[1]
        return self.lower.log_prob(z[:, :split]) + self.upper.log_prob(z[:, split:])

    def kl(self) -> Tensor:
        """(K·N, code) KL divergence of each latent dimension to the top-down prior, in nats; of z₁ given z₂."""
        upper = self.upper.kl()
        upper = upper.repeat(len(self.lower.mean) // max(1, len(upper)), 1)
        return torch.cat([self.lower.kl(self.expected), upper], 1)


class Ladder(CodeKind):
    r"""Two levels of Gaussian codes: z₂ is drawn first, then z₁ from a distribution that combines the sample and z₂.

    Bottom up, the encoder's features give :math:`\hat q(z_1|x)` and, through a layer, :math:`q(z_2|x)`. Top down, z₂
    gives the prior :math:`p(z_1|z_2)`, and :math:`q(z_1|x, z_2)` is the product of the two normals over z₁, weighted by
    their precisions. So z₁ only costs the nats that z₂ doesn't predict. The decoder gets both levels; z₁ comes first.

    size: the latent dimensions of z₁. top: those of z₂. width: of the layers between the levels.
    draws: how many codes are drawn for each sample in a pass, K.

    Source: Sønderby et al., Ladder variational autoencoders, NeurIPS (2016); there the decoder gets z₁ alone.
    """

    drawn: ClassVar[bool] = True

    top: Annotated[int, Field(ge=1)] = 8
    width: Annotated[int, Field(ge=1)] = 128
    draws: Annotated[int, Field(ge=1)] = 1
    prior: SerializeAsAny[Prior] = TopDown()

    def shape(self, natural: Shape | None) -> Shape | None:
        """(size + top,)."""
        lower = super().shape(None)
        return None if lower is None else (lower[0] + self.top, *lower[1:])

    def check(self, code: Shape) -> None:
        """Raise BlueprintError unless the code is flat."""
        check_flat(code, "A ladder code", "16, for example")

    def features(self, code: Shape) -> Shape:
        """Means and log-variances of z₁, and `width` features for z₂."""
        return (2 * (code[0] - self.top) + self.width,)

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The layers between the levels."""
        return Levels(code[0] - self.top, self.top, self.width, generator)

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, K, code) standard normal numbers."""
        return torch.randn(count, draws or self.draws, *code, generator=generator, device=generator.device)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, features), (N, K, code) to the Code of K draws, with its posterior."""
        assert isinstance(module, Levels)
        size = features.shape[1] - self.width
        seen = DiagonalGaussian.of(features[:, :size])
        upper = DiagonalGaussian.of(module.above(features[:, size:]))
        above = upper.mean if draws is None else upper.sample(draws[..., -self.top :])
        expected = DiagonalGaussian.of(module.below(above))
        lower = _product(seen.repeated(above.shape[0] // max(1, features.shape[0])), expected)
        below = lower.mean
        if draws is not None:
            noise = draws[..., : -self.top].transpose(0, 1).flatten(0, 1)
            below = lower.sample(noise[:, None])
        return Code(torch.cat([below, above], 1), LadderPosterior(upper, lower, expected))

    def in_turn(self, features: Tensor | None, count: int, code: Shape, module: nn.Module | None = None) -> Turns:
        """First z₂, then z₁ (see `CodeKind.in_turn`)."""
        assert isinstance(module, Levels)
        size = code[0] - self.top
        split = None if features is None else 2 * size
        upper = None if features is None else DiagonalGaussian.of(module.above(features[:, split:]))
        above = yield upper, DiagonalGaussian.standard(count, (self.top,))
        expected = DiagonalGaussian.of(module.below(above))
        lower = None if features is None else _product(DiagonalGaussian.of(features[:, :split]), expected)
        below = yield lower, expected
        return torch.cat([below, above], 1)


class Levels(nn.Module):
    """above: features to mean and log-variance of z₂. below: z₂ to those of z₁."""

    def __init__(self, size: int, top: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.above = nn.Sequential(nn.LeakyReLU(0.01), nn.Linear(width, width), nn.LeakyReLU(0.01))
        self.above.append(nn.Linear(width, 2 * top))
        self.below = nn.Sequential(nn.Linear(top, width), nn.LeakyReLU(0.01), nn.Linear(width, 2 * size))
        for layers in (self.above, self.below):
            products = [layer for layer in layers if isinstance(layer, nn.Linear)]
            for layer in products[:-1]:
                initialise(layer, "leaky-relu", generator)
            initialise(products[-1], "identity", generator)


def _product(one: DiagonalGaussian, other: DiagonalGaussian) -> DiagonalGaussian:
    """The normalised product of two normals: precisions add up, and the means are weighted by them."""
    precisions = (-one.log_variance).exp(), (-other.log_variance).exp()
    total = precisions[0] + precisions[1]
    return DiagonalGaussian((one.mean * precisions[0] + other.mean * precisions[1]) / total, -total.log())
