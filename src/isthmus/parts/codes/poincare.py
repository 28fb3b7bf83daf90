"""The Poincaré code: a point of hyperbolic space, drawn around a mean point."""

from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field, SerializeAsAny, model_validator
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.codes.code import CodeKind, check_flat
from isthmus.parts.forward_pass import Code
from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.model import Model
from isthmus.parts.part import Shape
from isthmus.parts.poincare_ball import WrappedGaussian, from_origin, nearer
from isthmus.parts.priors import Prior, WrappedNormal

FARTHEST = 5.0
"""The largest distance of a mean from 0. Beyond, a point in float32 is too coarse for posteriors with a small spread:
the error of its place counts as a density, and training would seek it."""


class Poincare(CodeKind):
    r"""A point of the Poincaré ball, :math:`\lVert z\rVert < 1`, drawn from a wrapped normal distribution.

    The encoder makes a vector and log-variances; the mean is the point :math:`\mu = \exp_0(f)`, at most 5 from 0. The
    space is
    hyperbolic: its room grows exponentially with the distance from 0, as the leaves of a tree do with its depth. So
    samples that form a hierarchy fit into few latent dimensions, general ones near 0 and specific ones near the edge.
    The network `gyroplane` has a decoder that measures in this space. Without draws, the code is μ.

    A curvature of -c instead of -1 is the same as the prior's `spread` times :math:`\sqrt c`.

    draws: how many codes are drawn for each sample in a pass, K.

    Source: Mathieu et al., Continuous hierarchical representations with Poincaré variational auto-encoders, NeurIPS
    (2019), with the wrapped normal distribution.
    """

    drawn: ClassVar[bool] = True

    draws: Annotated[int, Field(ge=1)] = 1
    prior: SerializeAsAny[Prior] = WrappedNormal()

    @model_validator(mode="after")
    def _check_prior(self) -> Self:
        if not isinstance(self.prior, WrappedNormal):
            raise BlueprintError(
                f"A poincare code lies in the Poincaré ball, where the prior {self.prior.kind!r} has no density. "
                "Set prior='wrapped-normal'."
            )
        return self

    @property
    def range(self) -> tuple[float, float] | None:
        """The bounds of each number of a point."""
        return -1.0, 1.0

    def check(self, code: Shape) -> None:
        """Raise BlueprintError unless the code is flat."""
        check_flat(code, "A poincare code", "8")

    def check_model(self, model: Model) -> None:
        """Raise BlueprintError if the decoder gets labels beside the code, so that its input is no point."""
        if model.conditioning.classes:
            raise BlueprintError(
                "A decoder of a poincare code takes a point alone, but condition='labels' puts labels beside it. "
                "Leave out the condition, or use a gaussian code."
            )

    def features(self, code: Shape) -> Shape:
        """A vector and log-variances."""
        return (2 * code[0],)

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, K, code) standard normal numbers."""
        return torch.randn(count, draws or self.draws, *code, generator=generator, device=generator.device)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, features), (N, K, code) to the Code of K draws, with its posterior."""
        flat = DiagonalGaussian.of(features)
        with torch.autocast(features.device.type, enabled=False):  # near the edge, bfloat16 has no digits
            posterior = WrappedGaussian(from_origin(nearer(flat.mean, FARTHEST)), flat.log_variance)
            return Code(posterior.mean if draws is None else posterior.sample(draws), posterior)
