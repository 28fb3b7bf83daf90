"""What every corruption is: a way to damage samples, with its random numbers drawn outside."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.forward_pass import Batch, Corrupted
from isthmus.parts.part import Part, Shape


class Corruption(Part):
    """A way to damage samples. The random numbers it needs are drawn outside, by the run's generator.

    It works on scaled samples, and adds to them as they are: noise on data in 0..1 goes below 0 and above 1, for
    cutting it off would make it smaller where the data are dark or bright, and shift their mean.

    damages: whether it does anything at all.
    hides: whether the encoder gets a mask of what is missing, which this corruption adds to (see `hidden`).
    as_bytes: whether the damaged sample is clipped to 0..1 and rounded to bytes, as a picture file stores it. For
        models that restore files: noise on black, for example, is then never negative.
    """

    damages: ClassVar[bool] = True
    hides: ClassVar[bool] = False

    as_bytes: bool = False

    @classmethod
    def _adapted(cls, value: Any) -> Any:
        """No corruption is the one that does nothing."""
        return {"kind": "identity"} if value is None else value

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError where samples of this shape can't be damaged so; asked once, when the model is built."""

    def shape(self, clean: Shape) -> Shape:
        """The shape of a corrupted sample; the decoder still makes the clean one."""
        return clean

    def as_clean(self, corrupted: Tensor, clean: Shape) -> Tensor:
        """(N, *corrupted shape) laid out as clean samples are, (N, *clean), without learning anything: enlarged, say.

        What a network with positions gets, what a correction is added to, and what "doing nothing" means.

        Raises:
            BlueprintError: there is no such way.
        """
        if tuple(corrupted.shape[1:]) != clean:
            raise BlueprintError(
                f"The corruption {self.kind!r} makes {tuple(corrupted.shape[1:])} of {clean}, and doesn't say how that "
                "is laid out as clean samples are (as_clean). Use a dense network that learns the sample."
            )
        return corrupted

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor | None:
        """The random numbers for `count` samples, where it needs any."""
        return None

    def corrupt(self, batch: Batch) -> Corrupted:
        """What the encoder gets of this batch.

        Without the corruption's random numbers it is the clean sample; where only the corrupted one has the encoder's
        shape, it is damaged by draws that are always the same.
        """
        clean, shape = batch.clean, tuple(batch.clean.shape[1:])
        if "corruption" in batch.draws:
            values = self(clean, batch.draws["corruption"])
        elif self.shape(shape) == shape:
            return Corrupted(clean, batch.readable)
        else:
            drawn = self.draw(len(clean), shape, torch.Generator().manual_seed(0))
            values = self(clean, None if drawn is None else drawn.to(clean.device))
        return Corrupted(self.quantised(values), batch.readable)

    def hidden(self, draws: Any) -> Tensor:
        """(N, *clean) True for numbers that the encoder doesn't see, where the kind `hides` any."""
        raise NotImplementedError

    def filled(self, samples: Tensor, observed: Tensor) -> Tensor:
        """(N, *clean) with 0 in the place of what the encoder doesn't see."""
        return torch.where(observed, samples, 0)

    def project(self, correction: Tensor, observed: Tensor | None) -> Tensor:
        """(N, *clean) what of a correction doesn't contradict what came in, by what this damage leaves as it was.

        observed: (N, *clean) what is known, where a model is told.
        """
        return correction

    def quantised(self, corrupted: Tensor) -> Tensor:
        """(N, *corrupted shape) as they are kept: the same, or what a file of bytes keeps of them."""
        return (corrupted.clamp(0, 1) * 255).round() / 255 if self.as_bytes else corrupted

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *clean shape), scaled, to (N, *corrupted shape)."""
        raise NotImplementedError
