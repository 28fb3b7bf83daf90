"""What every network offers: an encoder, and the decoder that mirrors it."""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from isthmus.parts.distances import Distance
from isthmus.parts.layers import Chain
from isthmus.parts.part import Part, Shape

Normalisation = Literal["batch", "layer"] | None


class Network(Part):
    """The shape of the encoder and, mirrored, of the decoder.

    A network of your own is a subclass with `encoder` and `decoder`; the rest follows.

    flat: whether it takes its input flat, so that what comes beside it (a label) is just so many numbers more.
    aligned: whether its positions are those of the clean sample, so that what is smaller must be laid out like that.
    """

    flat: ClassVar[bool] = False
    aligned: ClassVar[bool] = False

    def natural_code(self, shape: Shape) -> Shape | None:
        """The shape of the code where nobody asks for a size; None where the network needs to be told."""
        return None

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError where the network can't take samples of this shape."""

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """Layers from (N, *shape) to (N, *features); the last has no activation, for the code has its own."""
        raise NotImplementedError

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """Layers from (N, *code) to (N, *shape); the last has no activation, for the distance has its own."""
        raise NotImplementedError

    def pair(
        self, seen: Shape, features: Shape, code: Shape, shape: Shape, generator: torch.Generator
    ) -> tuple[Chain, Chain]:
        """Encoder and decoder, drawn from one generator. `seen` is what the encoder gets, `shape` what is clean."""
        return self.encoder(seen, features, generator), self.decoder(code, shape, generator)

    def start_at(self, sample: Tensor, decoder: Chain, distance: Distance) -> None:
        """Let the decoder begin at what suits these (n, *shape) scaled samples best, such as their mean.

        Its layer "output" gets that bias and weights of 0.

        From elsewhere the first steps push all outputs the same way, and too far: behind a sigmoid they end where its
        slope is 0, and training sticks at a black picture. Tied weights are left alone, for the encoder needs them.

        Source: Hinton, A practical guide to training restricted Boltzmann machines (2010), section 8.
        """
        output = getattr(decoder, "output", None)
        bias = getattr(output, "bias", None)
        if not isinstance(output, nn.Module) or not isinstance(bias, Tensor):
            return
        if bias.numel() != math.prod(distance.outputs(tuple(sample.shape[1:]))):  # a convolution has one a channel
            each = sample.flatten(2).transpose(1, 2).flatten(0, 1)
            sample = each.view(*each.shape, *[1] * (sample.ndim - 2))
        start = distance.start(sample).flatten()
        with torch.no_grad():
            bias.copy_(start)
            if isinstance(weight := getattr(output, "weight", None), Tensor):
                weight.zero_()
