"""Corruptions: what is done to a clean sample before the encoder sees it."""

import torch
from torch import Tensor

from isthmus.parts.part import Part, Shape


class Corruption(Part):
    """A way to damage samples. The random numbers it needs are drawn outside, by the run's generator."""

    def shape(self, clean: Shape) -> Shape:
        """The shape of a corrupted sample; the decoder still makes the clean one."""
        return clean

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor | None:
        """The random numbers for `count` samples, where it needs any."""
        return None

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *clean shape), scaled, to (N, *corrupted shape)."""
        raise NotImplementedError
