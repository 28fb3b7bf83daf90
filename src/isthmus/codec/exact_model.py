"""A model's parts in exact arithmetic: encoder, code and decoder, as a codec runs them."""

import copy

import torch
from torch import Tensor

from isthmus.data.scaling import Scaling
from isthmus.exact import exactly
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.model import encoder_input


class ExactModel:
    """A float64 copy of a model, on the CPU, whose results have the same bits on every machine.

    model: the copy. plain: another, in float32, for an encoder that may choose freely. scaling: the model's.
    """

    def __init__(self, model: Autoencoder) -> None:
        self.plain = copy.deepcopy(model).cpu().eval().requires_grad_(False)
        self.model = copy.deepcopy(self.plain).double()
        for weight in self.model.parameters():
            weight.data = weight.data.contiguous()  # the layout of channels last is for float32
        self.scaling: Scaling = copy.deepcopy(model.scaling).cpu().float()

    def scaled(self, raw: Tensor) -> Tensor:
        """Raw numbers to scaled ones, float64; each is one subtraction and one division, in float32 or float64."""
        return self.scaling(raw).double()

    def features(self, scaled: Tensor, observed: Tensor | None) -> Tensor:
        """(N, *input_shape) scaled samples to the encoder's features."""
        with exactly():
            return self.model.encoder(encoder_input(self.model, scaled, observed, None))

    def output(self, z: Tensor) -> Tensor:
        """(N, *code) to the decoder's output, before the distance's link."""
        with exactly():
            return self.model.decoder(self.model.conditioning.to_decoder(z, None))

    def reconstruction(self, z: Tensor) -> Tensor:
        """(N, *code) to (N, *shape) in raw units, float64."""
        with exactly():
            return self.raw(self.model.distance.picture(self.output(z)))

    def approximate(self, z: Tensor) -> Tensor:
        """(N, *code) to (N, *shape) in scaled units, in ordinary float64 arithmetic: faster, for choosing settings."""
        with torch.no_grad():
            return self.model.distance.picture(self.model.decoder(self.model.conditioning.to_decoder(z, None)))

    def raw(self, scaled: Tensor) -> Tensor:
        """The inverse of `scaled`, float64: one multiplication and one addition."""
        if self.scaling.kind == "none":
            return scaled
        return scaled * self.scaling.scale.double() + self.scaling.exact_shift()
