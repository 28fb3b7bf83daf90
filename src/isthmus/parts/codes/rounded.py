"""The rounded code of a compressor: multiples of learnt steps, whose information content is the rate."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Self

import torch
from pydantic import Field, SerializeAsAny, model_validator
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.codes.code import CodeKind
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape
from isthmus.parts.priors import Factorised, Prior
from isthmus.parts.steps import Steps, rounded


@dataclass(frozen=True)
class RoundedPosterior:
    r"""The posterior of a rounded code: uniform, one step wide, :math:`q(z|x) = \prod_j U(z_j; f_j, \Delta_j)`.

    Its KL to the prior is the expected information content of the symbols; if z was rounded and not drawn, theirs.

    z: (N, C, *grid). steps: (N, C, 1 …), Δ. side: (N, *side) side information, if the prior has some.
    quality: (N,). entropy: the prior's entropy model.
    """

    z: Tensor
    steps: Tensor
    side: Tensor | None
    quality: Tensor
    entropy: Any

    def log_prob(self, z: Tensor) -> Tensor:
        """(N, C, *grid) codes, at most half a step from the features, to (N,) log-densities in nats."""
        return -self.steps.log().expand_as(z).flatten(1).sum(1)


class Rounded(CodeKind):
    r"""Each number is rounded to a multiple of its channel's step: :math:`z = \Delta\,\mathrm{round}(f / \Delta)`.

    In training, noise takes the place of rounding, :math:`z = f + \Delta u,\ u \sim U(-\frac12, \frac12)`, because
    rounding has no useful gradient. The posterior is then uniform, and its KL to the prior, the `kl` penalty, is the
    rate in nats: what an entropy coder needs for the symbols :math:`\mathrm{round}(f / \Delta)`.

    One model serves several rates. The quality, a real number from 0 to `qualities` - 1, sets the steps and the weight
    λ of the distance: the loss is the rate plus λ times the distance. In training, each sample's quality is drawn:
    (qualities - 1) · u² with u in 0..1, low ones more often, because their losses are smaller.

    qualities: how many qualities have learnt steps; log Δ is linear between them.
    weights: λ at the lowest and at the highest quality; log λ is linear between them. For squared errors,
        :math:`\lambda = 1 / (2\sigma^2)` of a Gaussian likelihood.
    quality: of codes without draws, as in `encode`; None is the middle.

    Source: Ballé, Laparra & Simoncelli, End-to-end optimized image compression, ICLR (2017); steps per channel and
    quality: Cui et al., Asymmetric gained deep image compression with continuous rate adaptation, CVPR (2021), where
    the step and its inverse are two independent gains.
    """

    qualities: Annotated[int, Field(ge=1)] = 8
    weights: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (4.0, 4000.0)
    quality: Annotated[float, Field(ge=0)] | None = None
    prior: SerializeAsAny[Prior] = Factorised()

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        if self.quality is not None and self.quality > self.qualities - 1:
            raise BlueprintError(
                f"A rounded code with qualities={self.qualities} takes a quality from 0 to {self.qualities - 1}, not "
                f"{self.quality:g}. Set a lower quality, or more qualities."
            )
        if not isinstance(self.prior, Factorised):
            raise BlueprintError(
                f"A rounded code needs the probability of each symbol, and the prior {self.prior.kind!r} gives none. "
                "Set prior='factorised', or prior='hyper' for pictures."
            )
        return self

    @property
    def entropy_prior(self) -> Factorised:
        """The prior, which has an entropy model."""
        assert isinstance(self.prior, Factorised)
        return self.prior

    def module(self, code: Shape, generator: torch.Generator) -> "Quantiser":
        """The steps and the prior's entropy model.

        At first, the steps balance rate and distance for an orthonormal transform: there a step's squared error is
        Δ² / 12, its rate falls with log Δ, and the loss is smallest at Δ² = 6 / λ.
        """
        coarsest, finest = (math.sqrt(6 / weight) for weight in self.weights)
        entropy = self.entropy_prior.entropy(code, self.qualities, (coarsest, finest), generator)
        return Quantiser(Steps(code[0], self.qualities, coarsest, finest), entropy)

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, 1 + numbers) in 0..1: one for the quality, then the noise of the side information and of the code."""
        numbers = math.prod(self.entropy_prior.side_shape(code)) + math.prod(code)
        return torch.rand(count, 1 + numbers, generator=generator, device=generator.device)

    def weight(self, quality: Tensor) -> Tensor:
        """(N,) λ at these qualities."""
        low, high = map(math.log, self.weights)
        return (low + (high - low) / max(1, self.qualities - 1) * quality).exp()

    def at(self, quality: float | None, count: int, like: Tensor) -> Tensor:
        """(N,) the same quality for all samples, of the type of `like`; None is the code's own."""
        own = (self.qualities - 1) / 2 if self.quality is None else self.quality
        return like.new_full((count,), own if quality is None else quality)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, C, *grid) to the Code, with its posterior and the distance's weight."""
        assert isinstance(module, Quantiser)
        quality, noise = self.at(None, features.shape[0], features), None
        if draws is not None:
            quality, noise = draws[:, 0].square() * (self.qualities - 1), draws[:, 1:] - 0.5
        steps = module.steps(quality, features.ndim)
        side = module.entropy.side(features, quality, noise)
        z = rounded(features, steps, None if noise is None else noise[:, -features[0].numel() :])
        return Code(z, RoundedPosterior(z, steps, side, quality, module.entropy), weight=self.weight(quality))


class Quantiser(nn.Module):
    """The steps of a rounded code, and its prior's entropy model: `FactorisedEntropy` or `HyperEntropy`."""

    def __init__(self, steps: Steps, entropy: Any) -> None:
        super().__init__()
        self.steps, self.entropy = steps, entropy

    def symbols(self, features: Tensor, quality: Tensor) -> Tensor:
        """(N, C, *grid) features of the encoder, (N,) qualities to (N, C, *grid) whole numbers, int64."""
        return torch.round(features / self.steps(quality, features.ndim)).long()

    def code(self, symbols: Tensor, quality: Tensor) -> Tensor:
        """(N, C, *grid) symbols, (N,) qualities to (N, C, *grid), the decoder's input, in the quality's type."""
        return symbols.to(quality.dtype) * self.steps(quality, symbols.ndim)
