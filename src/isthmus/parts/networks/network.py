"""The base of all networks: an encoder, and the decoder that mirrors it."""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.distances import Distance
from isthmus.parts.layers import Chain
from isthmus.parts.least_squares import Solver
from isthmus.parts.model import Model
from isthmus.parts.networks.generating import generating
from isthmus.parts.part import Part, Shape

Normalisation = Literal["batch", "layer"] | None


class Network(Part):
    """The architecture of the encoder and, mirrored, of the decoder.

    A custom network is a subclass with the methods `encoder` and `decoder`.

    flat: whether it flattens its input, so that a label adds single numbers.
    aligned: whether its positions are those of the clean sample, so that smaller inputs must be enlarged first.
    makes_samples: whether its decoder always makes the sample itself, so that an "auto" link becomes the identity.
    """

    flat: ClassVar[bool] = False
    aligned: ClassVar[bool] = False
    makes_samples: ClassVar[bool] = False

    def natural_code(self, shape: Shape) -> Shape | None:
        """The shape of the code if no size is given; None if the network needs one."""
        return None

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError if the network can't take samples of this shape."""

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """Layers from (N, *shape) to (N, *features); the last has no activation, because the code has its own."""
        raise NotImplementedError

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """Layers from (N, *code) to (N, *shape); the last has no activation, because the distance has its own link."""
        raise NotImplementedError

    def pair(
        self, seen: Shape, features: Shape, code: Shape, shape: Shape, generator: torch.Generator
    ) -> tuple[Chain, Chain]:
        """Encoder and decoder, drawn from one generator. seen: the encoder's input. shape: the decoder's output."""
        return self.encoder(seen, features, generator), self.decoder(code, shape, generator)

    def start_at(self, sample: Tensor, decoder: Chain, distance: Distance) -> None:
        """Let the decoder start at the best constant for these (n, *shape) scaled samples, such as their mean.

        Its layer "output" gets this constant as its bias, and weights of 0.

        Otherwise the first steps push all outputs in the same direction, and too far: a sigmoid ends where its slope is
        0, and training gets stuck at a black picture. Tied weights are not changed, because the encoder needs them.

        Source: Hinton, A practical guide to training restricted Boltzmann machines (2010), section 8.
        """
        output = getattr(decoder, "output", None)
        if (writer := generating(decoder)) is not None:
            writer.start_at(sample, distance)
            return
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

    def solve(self, model: Model, data: Solver) -> None:
        """Set all weights of the encoder and the decoder in closed form (`solution="closed form"`).

        It is called without gradients, for a plain code and squared errors.

        Raises:
            BlueprintError: this network has no closed form.
        """
        raise BlueprintError(
            f"A {self.kind} network with these options has no closed form. Use the recipe 'pca', 'random-features' or "
            "'extreme-learning', or set solution='gradient'."
        )
