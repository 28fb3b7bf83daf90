"""The Gaussian code of a VAE: drawn around a mean, with a learnt spread."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.codes.code import CodeKind, Turns
from isthmus.parts.forward_pass import Code
from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.part import Shape
from isthmus.parts.priors import StandardNormal


class GaussianCode(CodeKind):
    r"""Drawn by the reparametrisation :math:`z = \mu + \sigma\varepsilon,\ \varepsilon\sim\mathcal N(0, I)`.

    The encoder makes two features for each latent dimension: first all μ, then all log σ². Without draws, as in
    `encode`, the code is its mean. The posterior is `Code.distribution`.

    draws: how many codes are drawn for each sample in a pass, K.

    Source: Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014).
    """

    kind: ClassVar[str] = "gaussian"
    drawn: ClassVar[bool] = True

    draws: Annotated[int, Field(ge=1)] = 1

    def features(self, code: Shape) -> Shape:
        """Twice as many along the first dimension."""
        return (2 * code[0], *code[1:])

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, K, *code) standard normal numbers."""
        return torch.randn(count, draws or self.draws, *code, generator=generator, device=generator.device)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, *features), (N, K, *code) to the Code of K draws, with its posterior."""
        if features.shape[1] % 2:
            raise BlueprintError(
                f"A gaussian code needs as many means as log-variances, but the encoder makes {features.shape[1]} "
                "features. Let the encoder make two features for each latent dimension."
            )
        posterior = DiagonalGaussian.of(features)
        return Code(posterior.mean if draws is None else posterior.sample(draws), posterior)

    def in_turn(self, features: Tensor | None, count: int, code: Shape, module: nn.Module | None = None) -> Turns:
        """A single level (see `CodeKind.in_turn`)."""
        if not isinstance(self.prior, StandardNormal):
            raise BlueprintError(
                f"The prior {self.prior} isn't a product of normal distributions, so codes can't be coded one by one. "
                "Use the prior 'standard-normal'."
            )
        return (
            yield None if features is None else DiagonalGaussian.of(features), DiagonalGaussian.standard(count, code)
        )
