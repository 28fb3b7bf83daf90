"""Residual convolutional networks for colour pictures of any size."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.layers import ACTIVATIONS, Activation, Chain, initialise
from isthmus.parts.networks.maps import channels_last, check_picture, code_layers, doubled, expand_layer, halved
from isthmus.parts.networks.network import Network, Normalisation
from isthmus.parts.part import Shape


class Residual(Network):
    r"""Stages of residual blocks, each at half the size, and their mirror: :math:`h + W_2\,\sigma(W_1\,\sigma(h))`.

    A block's second convolution starts at zero, so the block starts as the identity: signal and gradient keep their
    size through any number of blocks, without normalisation. Each stage begins with a convolution of stride 2; in the
    decoder it ends with nearest upsampling and a convolution. Halves are rounded up and the excess of doubling is
    cropped, so every size works, including odd ones.

    channels: of each stage, from the data inwards.
    blocks: of each stage, on either side.
    activation, normalisation: before each of a block's convolutions, and at the end of encoder and decoder; "layer"
        normalises each sample over channels and positions.
    whole: whether the first stage works at the picture's full size, and halving begins after it. This makes each pixel
        more accurate, and takes several times as long.
    skips: whether each stage of the encoder is added to the input of the decoder's stage of the same size, so that fine
        detail can bypass the code. Then the code alone can't be decoded.

    Source: He et al., Identity mappings in deep residual networks, ECCV (2016); Zhang et al., Fixup initialization:
    residual learning without normalization, ICLR (2019). For the skips: Mao, Shen & Yang, Image restoration using very
    deep convolutional encoder-decoder networks with symmetric skip connections, NeurIPS (2016).
    """

    aligned: ClassVar[bool] = True

    channels: tuple[Annotated[int, Field(ge=1)], ...] = (16, 32, 64)
    blocks: Annotated[int, Field(ge=1)] = 1
    activation: Activation = "silu"
    normalisation: Normalisation = None
    whole: bool = False
    skips: bool = False

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless `shape` is a picture's, (C, H, W)."""
        check_picture(self.kind, shape, self.channels)

    def natural_code(self, shape: Shape) -> Shape:
        """The last stage's (channels, height, width)."""
        self.check(shape)
        return (self.channels[-1], *self.sizes(shape)[-1])

    def sizes(self, shape: Shape) -> list[Shape]:
        """Height and width before the first stage and in each: halves, rounded up."""
        if self.whole:
            return [shape[1:], *halved(shape, len(self.channels) - 1)]
        return halved(shape, len(self.channels))

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, C, H, W) to (N, *features): down1, stage1 …, end, and a linear layer or 1×1 convolution for the code."""
        natural = self.natural_code(shape)
        layers: dict[str, nn.Module] = {}
        before = shape[0]
        for number, channels in enumerate(self.channels, start=1):
            stride = 1 if self.whole and number == 1 else 2
            layers[f"down{number}"] = halve = nn.Conv2d(before, channels, 3, stride=stride, padding=1)
            initialise(halve, "identity", generator)
            layers[f"stage{number}"] = self._stage(channels, generator)
            before = channels
        layers["end"] = nn.Sequential(*self._before_product(before))
        return channels_last(layers | code_layers(self.kind, natural, features, generator))

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, C, H, W): expand (if needed for the code's shape), stage1, up1, conv1 …, end, output."""
        natural = self.natural_code(shape)
        layers: dict[str, nn.Module] = {}
        if len(code) == 1:
            layers["expand"] = expand_layer(code[0], natural, "identity", generator)
        elif code != natural:
            layers["expand"] = nn.Conv2d(code[0], natural[0], 1)
            initialise(layers["expand"], "identity", generator)
        widths = [*reversed(self.channels), shape[0]]
        sizes = self.sizes(shape)[::-1]
        skips: dict[str, str] = {}
        for number, (before, after, size) in enumerate(zip(widths, widths[1:], sizes[1:], strict=False), start=1):
            last = number == len(self.channels)
            layers[f"stage{number}"] = self._stage(before, generator)
            if last:
                layers["end"] = nn.Sequential(*self._before_product(before))
            if not (last and self.whole):
                layers |= doubled(number, sizes[number - 1], size)
            layers["output" if last else f"conv{number}"] = product = nn.Conv2d(before, after, 3, padding=1)
            initialise(product, "identity", generator)
            if self.skips and not last:
                skips[f"conv{number}"] = f"stage{len(self.channels) - number}"
        return channels_last(layers, skips)

    def _stage(self, channels: int, generator: torch.Generator) -> nn.Sequential:
        return nn.Sequential(*(self._block(channels, generator) for _ in range(self.blocks)))

    def _block(self, channels: int, generator: torch.Generator) -> "Block":
        first, second = (self._convolution(channels, generator) for _ in range(2))
        nn.init.zeros_(second[-1].get_parameter("weight"))
        return Block(*first, *second)

    def _convolution(self, channels: int, generator: torch.Generator) -> list[nn.Module]:
        """A convolution, and the layers before it."""
        product = nn.Conv2d(channels, channels, 3, padding=1)
        initialise(product, self.activation, generator)
        return [*self._before_product(channels), product]

    def _before_product(self, channels: int) -> list[nn.Module]:
        """Normalisation, if there is one, and activation."""
        activation = ACTIVATIONS[self.activation]()
        if self.normalisation is None:
            return [activation]
        return [nn.BatchNorm2d(channels) if self.normalisation == "batch" else nn.GroupNorm(1, channels), activation]


class Block(nn.Sequential):
    """Steps whose output is added to their input."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H, W)."""
        return input + super().forward(input)
