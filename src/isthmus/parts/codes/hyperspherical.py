"""The hyperspherical code: a direction, drawn around a mean direction."""

from typing import Annotated, Self

import torch
from pydantic import Field, SerializeAsAny, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.codes.code import CodeKind
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape
from isthmus.parts.priors import Prior, UniformSphere
from isthmus.parts.von_mises_fisher import VonMisesFisher, directions


class Hyperspherical(CodeKind):
    r"""A direction of d numbers, :math:`\lVert z \rVert = 1`, drawn from a von Mises–Fisher distribution.

    The encoder makes the mean direction μ, from d features, and the concentration :math:`\kappa = 1 +
    \mathrm{softplus}(f)` from one more. The prior is uniform on the sphere, which has no centre to pull codes to: so
    classes need not share a place, and a code can't be unused. Without draws, the code is μ.

    size: d, at least 2; the sphere has d - 1 dimensions. It works best for small d.
    proposals: of the rejection sampling, for each draw. If all are rejected, the last one is taken; with 16 proposals
        this happens less than once in ten million draws.
    draws: how many codes are drawn for each sample in a pass, K.

    Source: Davidson et al., Hyperspherical variational auto-encoders, UAI (2018).
    """

    draws: Annotated[int, Field(ge=1)] = 1
    proposals: Annotated[int, Field(ge=1)] = 16
    prior: SerializeAsAny[Prior] = UniformSphere()

    @model_validator(mode="after")
    def _check_prior(self) -> Self:
        if not isinstance(self.prior, UniformSphere):
            raise BlueprintError(
                f"A hyperspherical code lies on a sphere, where the prior {self.prior.kind!r} has no density. "
                "Set prior='uniform-sphere'."
            )
        return self

    def _size(self, spec: DataSpec) -> int:
        """The size that "auto" gives: one more than other codes have, because the length says nothing."""
        return min(super()._size(spec), max(1, self.most - 1)) + 1

    @property
    def range(self) -> tuple[float, float] | None:
        """The bounds of each number of a direction."""
        return -1.0, 1.0

    def check(self, code: Shape) -> None:
        """Raise BlueprintError unless the code is flat and has two numbers or more."""
        if len(code) != 1 or code[0] < 2:
            raise BlueprintError(
                f"A hyperspherical code must be flat and have 2 numbers or more, but this one has shape {code}. "
                "Set code=8, for example."
            )

    def features(self, code: Shape) -> Shape:
        """Those of the direction, and one for κ."""
        return (code[0] + 1,)

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, K, 2·proposals + code) random numbers (see `directions`)."""
        return directions(count, draws or self.draws, code[0], self.proposals, generator)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, code + 1), (N, K, 2·proposals + code) to the Code of K draws, with its posterior."""
        length = features[:, :-1].square().sum(1, keepdim=True).clamp(min=1e-12).sqrt()
        posterior = VonMisesFisher(features[:, :-1] / length, 1 + F.softplus(features[:, -1]))
        return Code(posterior.mean if draws is None else posterior.sample(draws), posterior)
