"""Conditioning: additional inputs of the encoder and the decoder, labels and a mask of the known numbers."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.parts.part import Shape


@dataclass(frozen=True)
class Conditioning:
    """Additional inputs along dimension 1: further channels, which are constant planes for pictures and series.

    classes: the number of classes; the encoder and the decoder get one-hot labels. 0 for none. The hot value is the
        square root of the number of classes, so the label's mean square is 1, like a latent dimension's. With a hot
        value of 1, the network ignores the label and the code learns the class itself.
    mask: whether the encoder gets a mask, 1 for known and 0 for missing numbers.
    flat: whether the network flattens its input, so that a label adds single numbers.
    """

    classes: int = 0
    mask: bool = False
    flat: bool = False

    def encoder_shape(self, seen: Shape) -> Shape:
        """The shape of the encoder's input for samples of this shape."""
        if not (self.classes or self.mask):
            return seen
        shape = (math.prod(seen),) if self.flat else seen
        return (shape[0] * (2 if self.mask else 1) + self.classes, *shape[1:])

    def decoder_shape(self, code: Shape) -> Shape:
        """The shape of the decoder's input for codes of this shape."""
        return (code[0] + self.classes, *code[1:])

    def to_encoder(self, x: Tensor, observed: Tensor | None, labels: Tensor | None) -> Tensor:
        """(N, *seen), (N, *seen) and (N,) to (N, *encoder_shape). `observed` None means that nothing is missing."""
        if not (self.classes or self.mask):
            return x
        parts = [x]
        if self.mask:
            parts.append(torch.ones_like(x) if observed is None else observed.to(x.dtype))
        if self.flat:
            parts = [part.flatten(1) for part in parts]
        return self._with_labels(torch.cat(parts, 1), labels)

    def to_decoder(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """(K·N, *code) and (N,) to (K·N, *decoder_shape); all K draws of a sample get its label."""
        return self._with_labels(z, labels)

    def _with_labels(self, x: Tensor, labels: Tensor | None) -> Tensor:
        if not self.classes or labels is None:
            return x
        hot = (labels[:, None] == torch.arange(self.classes, device=labels.device)).to(x.dtype) * self.classes**0.5
        hot = hot.repeat(x.shape[0] // max(1, hot.shape[0]), 1) if hot.shape[0] != x.shape[0] else hot
        return torch.cat([x, hot.view(*hot.shape, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])], 1)
