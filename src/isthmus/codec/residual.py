"""Coding with any model: the code in whole numbers, and what its reconstruction misses."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from isthmus.codec.packing import DamagedError, Reader, part
from isthmus.codec.stack import Levels
from isthmus.exact import exactly

SCALES, FINEST = 64, 2.0**-5
"""The number of scales, a quarter of a power of two apart, and the least in steps of the grid."""
TONES = 16
"""Parts of the grid's range by the predicted value, each with a scale of its own."""


@dataclass(frozen=True)
class Misses:
    """The distributions of a sample's numbers around their reconstruction: logistic, cut into the grid's steps.

    The scale depends on the number's place, and on the predicted value: near black, a picture is mostly black.

    place: (P,) for each place, or channel of a large picture, an index of a scale. tone: (TONES,) is added to it.
    """

    place: np.ndarray
    tone: np.ndarray

    @classmethod
    def learn(cls, predicted: Tensor, levels: Tensor, count: Tensor) -> Self:
        """From (N, D) predicted and true positions on the grid."""
        missed = (levels - predicted).abs()
        place = _index(missed.mean(0))
        tones = _tones(predicted, count)
        tone = np.zeros(TONES, np.int64)
        for one in range(TONES):
            at = tones == one
            if at.any():
                expected = _scale(torch.from_numpy(place).expand(len(levels), -1)[at].double()) * 2 * math.log(2)
                tone[one] = int(
                    np.clip(round(4 * math.log2(max(1e-9, float((missed[at] / expected).mean())))), -60, 60)
                )
        return cls(place, tone)

    def levels(self, predicted: Tensor, count: Tensor) -> Levels:
        """The distributions, given (N, D) predicted positions, exact."""
        tones = _tones(predicted, count)
        index = (torch.from_numpy(self.place) + torch.from_numpy(self.tone)[tones]).clamp(0, SCALES - 1)
        scale, centre = _scale(index.double()).flatten(), predicted.flatten()

        def cumulative(rows: Tensor, level: Tensor) -> Tensor:
            with exactly():
                return torch.sigmoid((level.double() - 0.5 - centre[rows]) / scale[rows])

        most = int(count.max())
        guess = centre.round().long().clamp(1, max(1, most - 1))
        return Levels(most, cumulative, guess, scale.long().clamp(min=1)).from_end()

    def pack(self) -> bytes:
        """As bytes."""
        return part(self.place.astype(np.uint8).tobytes()) + part((self.tone + 64).astype(np.uint8).tobytes())

    @classmethod
    def unpack(cls, reader: Reader, places: int) -> Self:
        """The inverse of `pack`."""
        place, tone = (np.frombuffer(reader.part(), np.uint8).astype(np.int64) for _ in range(2))
        if len(place) != places or len(tone) != TONES:
            raise DamagedError("its scales don't fit the model")
        return cls(place, tone - 64)


def _index(missed: Tensor) -> np.ndarray:
    """The scale for each mean absolute difference, which is 2 log(2) times a logistic distribution's scale."""
    scale = missed / (2 * math.log(2))
    return (4 * (scale.clamp(min=1e-9) / FINEST).log2()).round().clamp(0, SCALES - 1).long().numpy()


def _scale(index: Tensor) -> Tensor:
    """The scale of each index: quarters of a power of two, exact."""
    quarters = torch.tensor([1.0, 1.189207115002721, 1.4142135623730951, 1.681792830507429], dtype=torch.float64)
    whole = index.long()
    powers = torch.tensor([2.0**power for power in range(SCALES // 4)], dtype=torch.float64)
    return FINEST * quarters[whole % 4] * powers[whole // 4]


def _tones(predicted: Tensor, count: Tensor) -> Tensor:
    """(N, D) the part of the range in which each predicted position lies."""
    return (predicted * (TONES / count)).floor().long().clamp(0, TONES - 1)
