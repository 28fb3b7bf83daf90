"""A code as vectors: the numbers of each position, or of each piece of a flat code."""

import math

from torch import Tensor

from isthmus.parts.data_spec import DataSpec
from isthmus.parts.part import Shape

BITS = 4
"""Bits for each of the data's dimensions if the code's size is "auto"."""


def vectors_for(spec: DataSpec, bits: float, most: int) -> int:
    """How many vectors of `bits` bits give each of the data's dimensions `BITS`; at least one, at most `most`."""
    dimensions = spec.size(most * math.ceil(bits / BITS))
    return min(most, math.ceil(dimensions * BITS / bits)) or 1


def vectors_of(features: Tensor, length: int) -> Tensor:
    """(N, C, *grid) to (N, vectors, length), position by position."""
    count, channels = features.shape[:2]
    return features.reshape(count, channels, -1).movedim(1, -1).reshape(count, -1, length)


def laid_out(vectors: Tensor, code: Shape) -> Tensor:
    """(N, vectors, length) to (N, C, *grid), a code of this shape: the inverse of `vectors_of`."""
    channels, *grid = code
    return vectors.reshape(vectors.shape[0], *grid, channels).movedim(-1, 1)


def on_grid(indices: Tensor, features: Tensor) -> Tensor:
    """(N, vectors, books) to (N, *grid, vectors a position · books)."""
    count, _, *grid = features.shape
    return indices.reshape(count, *grid, -1)
