"""What every network offers: an encoder, and the decoder that mirrors it."""

from typing import Literal

import torch

from isthmus.parts.layers import Chain
from isthmus.parts.part import Part, Shape

Normalisation = Literal["batch", "layer"] | None


class Network(Part):
    """The shape of the encoder and, mirrored, of the decoder.

    A network of your own is a subclass with `encoder` and `decoder`; the rest follows.
    """

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
