"""What the encoder and the decoder get beside their input: a label as a condition, which numbers are known."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.parts.part import Shape


@dataclass(frozen=True)
class Conditioning:
    """Attached along dimension 1: as further channels, planes of one value where the input is a picture or series.

    classes: one-hot labels of so many classes go to the encoder and to the decoder; 0 for none. A hot number is the
        root of how many there are, so that the label's mean square is 1, as that of a code's numbers: a mere 1 among
        them is overlooked, and the code learns to tell the class itself.
    mask: 1 where a number is known and 0 where it is missing goes to the encoder.
    flat: the network takes its input flat, so that a label is just so many numbers more.
    """

    classes: int = 0
    mask: bool = False
    flat: bool = False

    def encoder_shape(self, seen: Shape) -> Shape:
        """The shape that the encoder gets for samples seen in this shape."""
        if not (self.classes or self.mask):
            return seen
        shape = (math.prod(seen),) if self.flat else seen
        return (shape[0] * (2 if self.mask else 1) + self.classes, *shape[1:])

    def decoder_shape(self, code: Shape) -> Shape:
        """The shape that the decoder gets for codes of this shape."""
        return (code[0] + self.classes, *code[1:])

    def to_encoder(self, x: Tensor, observed: Tensor | None, labels: Tensor | None) -> Tensor:
        """(N, *seen), (N, *seen) and (N,) to (N, *encoder_shape). Where `observed` is None, all is."""
        if not (self.classes or self.mask):
            return x
        parts = [x]
        if self.mask:
            parts.append(torch.ones_like(x) if observed is None else observed.to(x.dtype))
        if self.flat:
            parts = [part.flatten(1) for part in parts]
        return self._with_labels(torch.cat(parts, 1), labels)

    def to_decoder(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """(K·N, *code) and (N,) to (K·N, *decoder_shape); K draws, draw by draw, share their samples' labels."""
        return self._with_labels(z, labels)

    def _with_labels(self, x: Tensor, labels: Tensor | None) -> Tensor:
        if not self.classes or labels is None:
            return x
        hot = (labels[:, None] == torch.arange(self.classes, device=labels.device)).to(x.dtype) * self.classes**0.5
        hot = hot.repeat(x.shape[0] // max(1, hot.shape[0]), 1) if hot.shape[0] != x.shape[0] else hot
        return torch.cat([x, hot.view(*hot.shape, *[1] * (x.ndim - 2)).expand(-1, -1, *x.shape[2:])], 1)
