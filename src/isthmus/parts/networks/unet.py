"""A small U-Net that finds the velocity of noised pictures or series, given the time and a code."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.parts.layers import Crop, initialise
from isthmus.parts.networks.maps import Axes, axes_of, expand_layer, halved
from isthmus.parts.part import Shape

GROUPS = 8
"""Groups of channels that are normalised together, at most."""


class UNet(nn.Module):
    r"""(N, C, …) noised samples, (N, features) of the time and (N, code) to (N, C, …).

    Stages of residual blocks, each at half the size, and their mirror; each stage's result also goes to its mirror. The
    code reaches every block by adaptive group normalisation, and as a map the coarsest stage, where it says what is
    where. The output starts at 0.

    features: of the time. code: numbers of a code. channels: of each stage. blocks: of each stage, on either side.

    Source: Ronneberger et al., U-Net, MICCAI (2015); Preechakul et al., Diffusion autoencoders, CVPR (2022).
    """

    def __init__(
        self,
        shape: Shape,
        features: int,
        code: int,
        channels: tuple[int, ...],
        blocks: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        axes, width = axes_of(shape), 4 * channels[0]
        self.sizes = halved(shape, len(channels))
        self.time = nn.Sequential(
            initialise(nn.Linear(features, width), "silu", generator),
            nn.SiLU(),
            initialise(nn.Linear(width, width), "silu", generator),
            nn.SiLU(),
        )
        before, self.shrink, self.down, self.up = shape[0], nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for after in channels:
            self.shrink.append(initialise(axes.conv(before, after, 3, stride=2, padding=1), "silu", generator))
            self.down.append(Blocks([after] * (blocks + 1), axes, width, code, generator))
            before = after
        self.spread = expand_layer(code, (before, *self.sizes[-1]), "identity", generator)
        self.middle = Blocks([before, before], axes, width, code, generator)
        for after in reversed(channels):
            self.up.append(Blocks([before + after, *[after] * blocks], axes, width, code, generator))
            before = after
        self.norm = GroupNorm(before)
        self.grow = axes.transposed(before, shape[0], 4, stride=2, padding=1)
        for weight in self.grow.parameters():
            nn.init.zeros_(weight)
        self.crop = Crop(shape[1:])

    def forward(self, x: Tensor, features: Tensor, z: Tensor) -> Tensor:
        """See the class."""
        time, seen = self.time(features), []
        for shrink, stage in zip(self.shrink, self.down, strict=True):
            x = stage(shrink(x), time, z)
            seen.append(x)
        x = self.middle(x + self.spread(z), time, z)
        for stage, other in zip(self.up, reversed(seen), strict=True):
            if x.shape[2:] != other.shape[2:]:
                x = F.interpolate(x, size=other.shape[2:], mode="nearest")
            x = stage(torch.cat([x, other], 1), time, z)
        return self.crop(self.grow(F.silu(self.norm(x))))


class Blocks(nn.Module):
    """Blocks one after the other. widths: the channels before the first and after each."""

    def __init__(self, widths: list[int], axes: Axes, time: int, code: int, generator: torch.Generator) -> None:
        super().__init__()
        pairs = itertools.pairwise(widths)
        self.blocks = nn.ModuleList(Conditioned(*pair, axes, time, code, generator) for pair in pairs)

    def forward(self, x: Tensor, time: Tensor, z: Tensor) -> Tensor:
        """(N, C, …), (N, time), (N, code) to (N, C', …)."""
        for block in self.blocks:
            x = block(x, time, z)
        return x


class Conditioned(nn.Module):
    r"""A residual block whose second normalisation is adaptive.

    It makes :math:`(1 + z_s)\,((1 + t_s)\,\mathrm{GroupNorm}(h) + t_b)`, where :math:`t_s, t_b` come from the time and
    :math:`z_s` from the code. Its second convolution starts at 0.

    Source: Preechakul et al., Diffusion autoencoders, CVPR (2022), equation 7.
    """

    def __init__(self, before: int, after: int, axes: Axes, time: int, code: int, generator: torch.Generator) -> None:
        super().__init__()
        self.norm = GroupNorm(before)
        self.adapted = GroupNorm(after, affine=False)
        self.first = initialise(axes.conv(before, after, 3, padding=1), "silu", generator)
        self.second = initialise(axes.conv(after, after, 3, padding=1), "silu", generator)
        nn.init.zeros_(self.second.get_parameter("weight"))
        self.of_time = initialise(nn.Linear(time, 2 * after), "identity", generator)
        self.of_code = initialise(nn.Linear(code, after), "identity", generator)
        self.straight = nn.Identity()
        if before != after:
            self.straight = initialise(axes.conv(before, after, 1), "identity", generator)

    def forward(self, x: Tensor, time: Tensor, z: Tensor) -> Tensor:
        """(N, C, …), (N, time), (N, code) to (N, C', …)."""
        each = (*x.shape[:1], -1, *[1] * (x.ndim - 2))
        made = self.first(F.silu(self.norm(x)))
        scale, shift = self.of_time(time).view(each).chunk(2, 1)
        made = (1 + self.of_code(z).view(each)) * ((1 + scale) * self.adapted(made) + shift)
        return self.straight(x) + self.second(F.silu(made))


class GroupNorm(nn.GroupNorm):
    """PyTorch's, which refuses a single number in each channel; that is fine, if a group has several channels."""

    def __init__(self, channels: int, *, affine: bool = True) -> None:
        super().__init__(math.gcd(GROUPS, channels), channels, affine=affine)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, …) to (N, C, …)."""
        return torch.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)
