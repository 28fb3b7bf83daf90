"""The network of learned picture compression: strided convolutions with divisive normalisation between them."""

from typing import Annotated, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances import Distance
from isthmus.parts.layers import Chain, Head, initialise
from isthmus.parts.networks.klt import embed, stages
from isthmus.parts.networks.maps import axes_of, channels_last, check_map, code_layers, expand_layer
from isthmus.parts.networks.network import Network
from isthmus.parts.part import Shape

FIRST, LATER, LAST = 9, 5, 3
"""The kernel of the convolution next to the data, that of the others, and that of the one next to the code."""
FIRST_STRIDE, STRIDE = 4, 2
"""Their strides."""
NOISE = 0.01
"""The share of the usual first weights that is added to the transform's."""
LEAST = 1e-6
"""The lower bound of β, so that nothing is divided by 0."""


class Gdn(Network):
    """Convolutions of stride 4, 2, 2, …, with a divisive normalisation after each, and their mirror.

    No layer works at the data's own resolution, so that a picture of megapixels takes little time. The last convolution
    of each side has no normalisation: it makes the code, or the picture. Every size of picture or series works: the
    encoder repeats the last row and column up to a multiple of the strides' product, and the decoder cuts off the
    excess.

    channels: of the encoder's stages, from the data inwards; the last is the code's.
    decoder_channels: of the decoder's stages except its last, from the code outwards. The decoder can have fewer than
        the encoder, so that decoding takes less time.
    centre: a number that the encoder subtracts from the data; "auto" is the middle of their range, or 0.

    Source: Ballé, Laparra & Simoncelli, End-to-end optimized image compression, ICLR (2017): the same strides, with
    more channels, and with a smaller kernel next to the code.
    """

    channels: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=2)] = (64, 192, 384)
    decoder_channels: tuple[Annotated[int, Field(ge=1)], ...] = (128, 48)
    centre: float | Literal["auto"] = "auto"

    def resolve(self, spec: DataSpec) -> Self:
        """The same network with its centre decided from these facts about the data."""
        middle = sum(spec.range) / 2 if spec.range else 0.0
        return self.replace(centre=middle) if self.centre == "auto" else self

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless `shape` is a picture's, (C, H, W), or a series', (C, T)."""
        check_map(self.kind, shape, self.channels)
        if len(self.decoder_channels) != len(self.channels) - 1:
            raise BlueprintError(
                f"The decoder mirrors the encoder's {len(self.channels)} stages, so it needs "
                f"{len(self.channels) - 1} decoder_channels, but {len(self.decoder_channels)} are given. "
                f"Set decoder_channels={list(self.channels[-2::-1])}, for example."
            )

    @property
    def stride(self) -> int:
        """How many pixels along each axis one position of the code stands for."""
        return FIRST_STRIDE * STRIDE ** (len(self.channels) - 1)

    def natural_code(self, shape: Shape) -> Shape:
        """The last stage's (channels, height, width) or (channels, length)."""
        self.check(shape)
        return (self.channels[-1], *(-(-side // self.stride) for side in shape[1:]))

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, C, *sizes) to (N, *features): pad, conv1, gdn1, conv2 …, and a layer to a flat code if needed."""
        natural, conv = self.natural_code(shape), axes_of(shape).conv
        layers: dict[str, nn.Module] = {"pad": Pad(0.0 if self.centre == "auto" else self.centre, self.stride)}
        before = shape[0]
        for number, channels in enumerate(self.channels, start=1):
            kernel, stride = (FIRST, FIRST_STRIDE) if number == 1 else (LATER, STRIDE)
            kernel = LAST if number == len(self.channels) else kernel
            layer = conv(before, channels, kernel, stride=stride, padding=kernel // 2)
            self._start(layer, number, shape, generator)
            layers[f"conv{number}"] = layer
            if number < len(self.channels):
                layers[f"gdn{number}"] = DivisiveNorm(channels, shape)
            before = channels
        return channels_last(layers | code_layers(self.kind, natural, features, generator))

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, C, *sizes): conv1, gdn1, …, output, crop."""
        self.check(shape)
        transposed = axes_of(shape).transposed
        layers: dict[str, nn.Module] = {}
        if len(code) == 1:
            natural = self.natural_code(shape)
            layers["expand"] = expand_layer(code[0], natural, "identity", generator)
            code = natural
        before = code[0]
        for number, channels in enumerate(self.decoder_channels, start=1):
            kernel = LAST if number == 1 else LATER
            layer = transposed(before, channels, kernel, stride=STRIDE, padding=kernel // 2, output_padding=STRIDE - 1)
            self._start(layer, len(self.channels) + 1 - number, shape, generator)
            layers |= {f"conv{number}": layer, f"gdn{number}": DivisiveNorm(channels, shape, inverse=True)}
            before = channels
        layers["output"] = transposed(
            before, shape[0], FIRST, stride=FIRST_STRIDE, padding=FIRST // 2, output_padding=FIRST_STRIDE - 1
        )
        self._start(layers["output"], 1, shape, generator)
        layers["crop"] = Head(shape[1:])
        return channels_last(layers)

    def _start(self, layer: nn.Module, stage: int, shape: Shape, generator: torch.Generator) -> None:
        """Set a stage's first weights to its part of a Karhunen–Loève transform, and a little noise."""
        weight = layer.get_parameter("weight")
        initialise(layer, "identity", generator)
        strides = (FIRST_STRIDE, *[STRIDE] * (len(self.channels) - 1))
        with torch.no_grad():
            weight.mul_(NOISE)
        embed(weight, stages(shape[0], len(shape) - 1, strides, self.channels)[stage - 1])

    def start_at(self, sample: Tensor, decoder: Chain, distance: Distance) -> None:
        """Let the decoder's bias start at the data's mean. The weights stay random.

        With weights of 0, the distance would have no gradient with respect to the code, and the rate would erase it.
        """
        weight = decoder.get_submodule("output").get_parameter("weight")
        drawn = weight.detach().clone()
        super().start_at(sample, decoder, distance)
        with torch.no_grad():
            weight.copy_(drawn)


class DivisiveNorm(nn.Module):
    r"""Generalised divisive normalisation: :math:`y_i = x_i / (\beta_i + \sum_j \gamma_{ij} |x_j|)` at each position.

    Each channel is divided by the activity of the channels around it, as in models of early vision; it makes their
    distribution more Gaussian and less dependent. β and γ are squares, so that they are never negative.

    inverse: multiply instead of divide. It mirrors the normalisation in the decoder, without being its exact inverse.

    Source: Ballé, Laparra & Simoncelli, Density modeling of images using a generalized normalization transformation,
    ICLR (2016); exponents of 1: Johnston et al., Computationally efficient neural image compression (2019).
    """

    def __init__(self, channels: int, shape: Shape, *, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        ones = (1,) * (len(shape) - 1)
        self.beta = nn.Parameter(torch.ones(channels))
        self.gamma = nn.Parameter((0.01 * torch.eye(channels) + 1e-5).sqrt().view(channels, channels, *ones))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *sizes), normalised."""
        product = F.conv2d if self.gamma.ndim == 4 else F.conv1d
        norm = product(x.abs(), self.gamma.square(), self.beta.square() + LEAST)
        return x * norm if self.inverse else x / norm

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return f"channels={len(self.beta)}, inverse={self.inverse}"


class Pad(nn.Module):
    """Subtracts the data's centre, and repeats the last numbers up to a multiple of the stride along each axis."""

    def __init__(self, centre: float, stride: int) -> None:
        super().__init__()
        self.centre, self.stride = centre, stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, *sizes) to (N, C, *larger)."""
        missing = [end for side in reversed(x.shape[2:]) for end in (0, -side % self.stride)]
        x = x - self.centre
        return F.pad(x, missing, mode="replicate") if any(missing) else x

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return f"centre={self.centre}, stride={self.stride}"
