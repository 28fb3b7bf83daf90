"""Codes whose posterior is a normal distribution that a flow bends: inverse autoregressive, and planar."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.extras import needs
from isthmus.parts.codes.code import CodeKind, check_flat
from isthmus.parts.forward_pass import Code
from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.part import Shape

LEAST_SLOPE = 0.01
"""A planar layer's least slope along its direction, so that it is invertible."""


@dataclass(frozen=True)
class BentPosterior:
    """The posterior of a bent code, at the drawn codes alone.

    log_densities: (K·N,) log q(z|x) of the drawn codes, in nats.
    """

    log_densities: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        """(K·N, code) the drawn codes to (K·N,) log-densities in nats."""
        return self.log_densities

    def kl(self) -> None:
        """The KL has no closed form."""
        return


class _Bent(CodeKind):
    r"""A normal distribution, bent by T layers: :math:`\log q(z_T|x) = \log q(z_0|x) - \sum_t \log|\det J_t|`.

    z₀ is drawn as for a gaussian code. Without draws, as in `encode`, it is the mean.
    """

    draws: Annotated[int, Field(ge=1)] = 1

    drawn: ClassVar[bool] = True

    def check(self, code: Shape) -> None:
        """Raise BlueprintError unless the code is flat."""
        check_flat(code, f"The {self.kind} code", "16")

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, K, code) standard normal numbers."""
        return torch.randn(count, draws or self.draws, *code, generator=generator, device=generator.device)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, features), (N, K, code) to the Code of K draws, with its posterior."""
        size = self.size_of(features.shape[1])
        normal = DiagonalGaussian.of(features[:, : 2 * size])
        z = normal.mean if draws is None else normal.sample(draws)
        context = features[:, 2 * size :].repeat(1 if draws is None else draws.shape[1], 1)
        density = normal.log_prob(z)
        with torch.autocast(z.device.type, enabled=False):  # a log-density in bfloat16 would be too coarse
            z, stretched = self.bend(z, context, module)
        return Code(z, BentPosterior(density - stretched))

    def size_of(self, features: int) -> int:
        """The latent dimensions of so many features."""
        raise NotImplementedError

    def bend(self, z: Tensor, context: Tensor, module: Any) -> tuple[Tensor, Tensor]:
        """(N, code), (N, features left) to (N, code) and the (N,) sums of log|det J|."""
        raise NotImplementedError


class Iaf(_Bent):
    r"""Layers :math:`z_{ti} = a_{ti}(z_{t-1,<i}, h)\,z_{t-1,i} + b_{ti}(z_{t-1,<i}, h)`, by masked networks.

    Each number is scaled and shifted by those before it, and by features h of the sample; the order is reversed from
    layer to layer. So the posterior's latent dimensions may depend on each other. The flow only runs in the direction
    of drawing, so all numbers of a layer are computed at once.

    transforms: T. widths: of the network in each layer. context: how many features h has.
    draws: how many codes are drawn for each sample in a pass, K.

    Source: Kingma et al., Improved variational inference with inverse autoregressive flow, NeurIPS (2016); `zuko`.
    """

    kind: ClassVar[str] = "iaf"
    compiles: ClassVar[bool] = False

    transforms: Annotated[int, Field(ge=1)] = 2
    widths: tuple[Annotated[int, Field(ge=1)], ...] = (128,)
    context: Annotated[int, Field(ge=0)] = 32

    def features(self, code: Shape) -> Shape:
        """Means, log-variances, and the context."""
        return (2 * code[0] + self.context,)

    def size_of(self, features: int) -> int:
        """The latent dimensions of so many features."""
        return (features - self.context) // 2

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The layers."""
        zuko = needs("zuko", "flow", "The code 'iaf'")
        orders = (torch.arange(code[0]), torch.arange(code[0] - 1, -1, -1))
        with torch.random.fork_rng(devices=[]):  # its layers draw from PyTorch's global random state
            torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
            return nn.ModuleList(
                zuko.flows.MaskedAutoregressiveTransform(
                    code[0], self.context, order=orders[place % 2], hidden_features=self.widths
                )
                for place in range(self.transforms)
            )

    def bend(self, z: Tensor, context: Tensor, module: Any) -> tuple[Tensor, Tensor]:
        """(N, code), (N, context) to (N, code) and the (N,) sums of log|det J|."""
        total = z.new_zeros(z.shape[0])
        for layer in module:
            z, stretched = layer(context if self.context else None).call_and_ladj(z)
            total = total + stretched
        return z, total


class Planar(_Bent):
    r"""Layers :math:`z_t = z_{t-1} + u_t \tanh(w_t^\top z_{t-1} + b_t)`, whose u, w and b the encoder makes.

    Each layer pushes the codes away from a plane, or towards it. It has no weights of its own, and bends less than an
    inverse autoregressive layer. u is moved along w as far as the layer must be invertible.

    transforms: T. draws: how many codes are drawn for each sample in a pass, K.

    Source: Rezende & Mohamed, Variational inference with normalizing flows, ICML (2015).
    """

    kind: ClassVar[str] = "planar"

    transforms: Annotated[int, Field(ge=1)] = 8

    def features(self, code: Shape) -> Shape:
        """Means, log-variances, and u, w and b of each layer."""
        return (2 * code[0] + self.transforms * (2 * code[0] + 1),)

    def size_of(self, features: int) -> int:
        """The latent dimensions of so many features."""
        return (features - self.transforms) // (2 + 2 * self.transforms)

    def bend(self, z: Tensor, context: Tensor, module: Any) -> tuple[Tensor, Tensor]:
        """(N, code), (N, features left) to (N, code) and the (N,) sums of log|det J|."""
        total, size = z.new_zeros(z.shape[0]), z.shape[1]
        for layer in context.chunk(self.transforms, 1):
            u, w, b = layer.split((size, size, 1), 1)
            along = (w * u).sum(1, keepdim=True)
            short = F.relu(LEAST_SLOPE - 1 - along)
            u = u + short * w / w.square().sum(1, keepdim=True).clamp(min=1e-12)
            bent = torch.tanh((w * z).sum(1, keepdim=True) + b)
            slope = 1 + (along + short) * (1 - bent.square())
            z, total = z + u * bent, total + slope[:, 0].log()
        return z, total
