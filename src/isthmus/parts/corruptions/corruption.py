"""What every corruption is: a way to damage samples, with its random numbers drawn outside."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from isthmus.parts.part import Part, Shape


class Corruption(Part):
    """A way to damage samples. The random numbers it needs are drawn outside, by the run's generator.

    It works on scaled samples, and adds to them as they are: noise on data in 0..1 goes below 0 and above 1, for
    cutting it off would make it smaller where the data are dark or bright, and shift their mean.

    hides: whether what it takes away is missing to the encoder, which is then told so (`hidden`).
    """

    hides: ClassVar[bool] = False

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError where samples of this shape can't be damaged so; asked once, when the model is built."""

    def shape(self, clean: Shape) -> Shape:
        """The shape of a corrupted sample; the decoder still makes the clean one."""
        return clean

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor | None:
        """The random numbers for `count` samples, where it needs any."""
        return None

    def hidden(self, draws: Any) -> Tensor:
        """(N, *clean) True for numbers that the encoder is told are missing, where the kind `hides` any."""
        raise NotImplementedError

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *clean shape), scaled, to (N, *corrupted shape)."""
        raise NotImplementedError
