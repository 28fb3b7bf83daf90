"""Convolutional networks for pictures of any size and series of any length."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from isthmus.errors import BlueprintError
from isthmus.parts.layers import ACTIVATIONS, Activation, Chain, Crop, Dropout, initialise
from isthmus.parts.networks.maps import axes_of, channels_last, check_map, code_layers, doubled, expand_layer, halved
from isthmus.parts.networks.network import Network, Normalisation
from isthmus.parts.part import Shape


class Conv(Network):
    """Convolutions that halve the picture or series in each stage, and their mirror, which doubles it again.

    For long series, such as sound, a stride of 4 sees far with few stages: `Conv(channels=(32, 64, 64), kernel=9,
    form="strided", stride=4)` makes one position of the code from 64 values, and looks at 189.

    `Conv()` is the lectures' network on 28×28×1: conv16, pool, conv8, pool, conv8, pool | conv8, up, conv8, up, conv16
    without padding, up, conv1. Halving rounds up, so doubling can overshoot. If it overshoots by two or more, the next
    convolution has no padding, which removes two (as in the lectures, 4-8-16-14-28); the rest is cropped at the end. So
    every size works, including odd ones.

    channels: of each stage, from the data inwards.
    kernel: the size of the convolutions, odd.
    form: "pooled" (convolution, then the maximum of two along each axis; nearest upsampling) or "strided" (transposed
        convolutions in the decoder).
    stride: of the strided form.
    code_channels: a 1×1 convolution without an activation makes a code of so many channels from the last stage's map;
        None takes the map itself.
    activation, normalisation, dropout: of each stage; "layer" normalises each sample over channels and positions.
    skips: whether each stage of the encoder is added to the decoder's stage of the same size and channels, before any
        dropout, so that fine detail can bypass the code. In the strided form the encoder's last stage is not skipped,
        because it makes the code. With skips, the code alone can't be decoded, and the pooled form crops after each
        doubling instead of leaving out padding.

    Source of the skips: Mao, Shen & Yang, Image restoration using very deep convolutional encoder-decoder networks with
    symmetric skip connections, NeurIPS (2016).
    """

    aligned: ClassVar[bool] = True

    channels: tuple[Annotated[int, Field(ge=1)], ...] = (16, 8, 8)
    kernel: Literal[1, 3, 5, 7, 9, 11, 13, 15, 17] = 3
    form: Literal["pooled", "strided"] = "pooled"
    stride: Literal[2, 3, 4, 5, 6, 8] = 2
    code_channels: Annotated[int, Field(ge=1)] | None = None
    activation: Activation = "relu"
    normalisation: Normalisation = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    skips: bool = False

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless `shape` is a picture's, (C, H, W), or a series', (C, T)."""
        check_map(self.kind, shape, self.channels)
        if self.form == "strided" and self.kernel < self.stride:
            raise BlueprintError(
                f"A strided conv network with kernel={self.kernel} ignores some of the numbers. "
                f"Set kernel={self.stride + 1 - self.stride % 2} or more."
            )
        if self.form == "pooled" and self.stride != 2:
            raise BlueprintError(f"A pooled conv network always halves. Set form='strided' for stride={self.stride}.")
        if self.skips and self.form == "strided" and len(self.channels) == 1:
            raise BlueprintError(
                "A strided conv network of one stage can't have skips, because its only stage makes the code. "
                "Set more channels, such as [16, 16], or form='pooled'."
            )

    def sizes(self, shape: Shape) -> list[Shape]:
        """Height and width, or length, before the first stage and after each: divided by the stride, rounded up."""
        return halved(shape, len(self.channels), self.stride)

    def natural_code(self, shape: Shape) -> Shape:
        """The code's (channels, height, width) or (channels, length)."""
        self.check(shape)
        return (self.code_channels or self.channels[-1], *self.sizes(shape)[-1])

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, C, *sizes) to (N, *features): conv1, pool1 …, and a linear layer or 1×1 convolution if needed."""
        self.check(shape)
        layers: dict[str, nn.Module] = {}
        axes = axes_of(shape)
        before, stride = shape[0], self.stride if self.form == "strided" else 1
        grids = self.sizes(shape)
        for number, channels in enumerate(self.channels, start=1):
            product = axes.conv(before, channels, self.kernel, stride=stride, padding=self.kernel // 2, bias=self._bias)
            grid = grids[number] if stride > 1 else grids[number - 1]
            layers |= self._stage(f"conv{number}", product, (channels, *grid), generator)
            if self.form == "pooled":
                layers[f"pool{number}"] = axes.pool(2, ceil_mode=True)
            before = channels
        layers |= code_layers(self.kind, (self.channels[-1], *grids[-1]), features, generator)
        return channels_last(layers)

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, C, *sizes): expand (for a flat code), conv1, up1 …, output."""
        self.check(shape)
        natural = (self.channels[-1], *self.sizes(shape)[-1])
        layers: dict[str, nn.Module] = {}
        if len(code) == 1:
            layers["expand"] = expand_layer(code[0], natural, self.activation, generator)
            code = natural
        make = self._pooled_decoder if self.form == "pooled" else self._strided_decoder
        layers |= make(code, shape, generator)
        return channels_last(layers, self._skips(layers) if self.skips else None)

    @property
    def _bias(self) -> bool:
        """Whether the stages' convolutions have a bias; batch normalisation would remove it."""
        return self.normalisation != "batch"

    def _skips(self, layers: dict[str, nn.Module]) -> dict[str, str]:
        """From each layer of the decoder to the encoder's stage that is added to it: the last one of that size."""
        stages = len(self.channels)
        if self.form == "strided":
            return {f"conv{number}": f"conv{stages - number}" for number in range(1, stages)}
        grown = (f"crop{number}" if f"crop{number}" in layers else f"up{number}" for number in range(1, stages + 1))
        return {name: f"conv{stages - place}" for place, name in enumerate(grown)}

    def _pooled_decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> dict[str, nn.Module]:
        """Convolution and nearest upsampling in each stage, then the output's convolution and the crop."""
        layers: dict[str, nn.Module] = {}
        conv = axes_of(shape).conv
        before, grid = code[0], code[1:]
        mirror = self.sizes(shape)[::-1]
        shrink = self.kernel - 1
        for number, channels in enumerate(reversed(self.channels), start=1):
            unpadded = [
                not self.skips and size - target >= shrink > 0 and size > self.kernel
                for size, target in zip(grid, mirror[number - 1], strict=True)
            ]
            padding = tuple(0 if bare else self.kernel // 2 for bare in unpadded)
            grid = tuple(size - shrink * bare for size, bare in zip(grid, unpadded, strict=True))
            product = conv(before, channels, self.kernel, padding=padding, bias=self._bias)
            layers |= self._stage(f"conv{number}", product, (channels, *grid), generator)
            target = mirror[number] if self.skips else tuple(2 * size for size in grid)
            layers |= doubled(number, grid, target)
            grid, before = target, channels
        layers["output"] = conv(before, shape[0], self.kernel, padding=self.kernel // 2)
        initialise(layers["output"], "identity", generator)
        if grid != shape[1:]:
            layers["crop"] = Crop(shape[1:])
        return layers

    def _strided_decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> dict[str, nn.Module]:
        """Transposed convolutions that end at exactly the mirrored sizes."""
        layers: dict[str, nn.Module] = {}
        mirror = self.sizes(shape)[::-1]
        widths = [*reversed(self.channels[:-1]), shape[0]]
        before = code[0]
        for number, (channels, small, large) in enumerate(zip(widths, mirror, mirror[1:], strict=False), start=1):
            # a transposed convolution makes stride·(small - 1) + kernel - 2·padding; fewer than stride are missing
            extra = tuple(big - (self.stride * (size - 1) + 1) for size, big in zip(small, large, strict=True))
            product = axes_of(shape).transposed(
                before,
                channels,
                self.kernel,
                stride=self.stride,
                padding=self.kernel // 2,
                output_padding=extra,
                bias=self._bias or number == len(widths),
            )
            if number == len(widths):
                layers["output"] = product
                initialise(product, "identity", generator)
            else:
                layers |= self._stage(f"conv{number}", product, (channels, *large), generator)
            before = channels
        return layers

    def _stage(self, name: str, product: nn.Module, shape: Shape, generator: torch.Generator) -> dict[str, nn.Module]:
        """One convolution and the layers after it, by names."""
        initialise(product, self.activation, generator)
        steps: list[nn.Module] = [product]
        if self.normalisation:
            batch = axes_of(shape).batch_norm
            steps.append(batch(shape[0]) if self.normalisation == "batch" else nn.GroupNorm(1, shape[0]))
        steps.append(ACTIVATIONS[self.activation]())
        layers: dict[str, nn.Module] = {name: nn.Sequential(*steps)}
        if self.dropout:
            layers[name.replace("conv", "dropout")] = Dropout(self.dropout, shape)
        return layers
