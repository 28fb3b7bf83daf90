"""A dense network whose decoder begins with distances to planes of hyperbolic space, for a poincare code."""

import math

import torch
from torch import Tensor, nn

from isthmus.parts.layers import Chain
from isthmus.parts.networks.dense import Dense
from isthmus.parts.part import Shape
from isthmus.parts.poincare_ball import from_origin, within


class Gyroplane(Dense):
    """A dense network whose first layer of the decoder measures in the Poincaré ball: for a `poincare` code.

    Its units are signed distances of the code to planes of hyperbolic space, as the units of a linear layer are to
    planes of flat space; near 0 they are the same. All other layers are those of `dense`.

    Source: Ganea, Bécigneul & Hofmann, Hyperbolic neural networks, NeurIPS (2018); Mathieu et al., Continuous
    hierarchical representations with Poincaré variational auto-encoders, NeurIPS (2019).
    """

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, code) to (N, *shape): dense1 …, output; the first linear layer is one of planes."""
        chain = super().decoder(code, shape, generator)
        name, first = next((name, layer) for name, layer in chain.named_modules() if isinstance(layer, nn.Linear))
        chain.set_submodule(name, Planes(first.in_features, first.out_features, generator))
        return chain


class Planes(nn.Module):
    r"""Signed distances to W planes, times the length of each one's normal:
    :math:`2\lVert a\rVert \operatorname{arsinh}\bigl(2\langle -p \oplus z, \hat a\rangle / (1 - \lVert -p \oplus
    z\rVert^2)\bigr)`.

    normal: (W, d), a. place: (W, d), whose `from_origin` is the plane's point p.
    """

    def __init__(self, given: int, made: int, generator: torch.Generator) -> None:
        super().__init__()
        self.normal, self.place = nn.Parameter(torch.empty(made, given)), nn.Parameter(torch.zeros(made, given))
        with torch.no_grad():  # near 0, a unit is 4 a·z
            self.normal.normal_(0, 0.25 * math.sqrt(2 / given), generator=generator)
            self.place.normal_(0, 0.01, generator=generator)

    def forward(self, z: Tensor) -> Tensor:
        """(N, d) points to (N, W)."""
        with torch.autocast(z.device.type, enabled=False):
            z, p = within(z.to(self.normal.dtype)), from_origin(self.place)
            length = self.normal.square().sum(1).clamp(min=1e-18).sqrt()
            direction = self.normal / length[:, None]
            zs, ps = z.square().sum(1, keepdim=True), p.square().sum(1)
            across = (1 - ps) * (z @ direction.T) - (1 - 2 * (z @ p.T) + zs) * (p * direction).sum(1)
            return 2 * length * torch.asinh(2 * across / ((1 - ps) * (1 - zs)))
