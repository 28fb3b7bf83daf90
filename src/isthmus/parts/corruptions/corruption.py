"""The base of all corruptions: a way to damage samples, with given random numbers."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.forward_pass import Batch, Corrupted
from isthmus.parts.part import Part, Shape


class Corruption(Part):
    """A way to damage samples. The run's generator draws its random numbers (see `draw`).

    It works on scaled samples and doesn't clip them: noise on data in 0..1 can go below 0 and above 1, because clipping
    would reduce the noise on dark and bright pixels and shift their mean.

    damages: whether it does anything at all.
    hides: whether it hides numbers from the encoder, which gets a mask of them (see `hidden`).
    as_bytes: whether the damaged sample is clipped to 0..1 and rounded to bytes, as a picture file stores it. For
        models that restore files: noise on black, for example, is then never negative.
    """

    damages: ClassVar[bool] = True
    hides: ClassVar[bool] = False

    as_bytes: bool = False

    @classmethod
    def _adapted(cls, value: Any) -> Any:
        """Convert None to the corruption that does nothing."""
        return {"kind": "identity"} if value is None else value

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError if samples of this shape can't be damaged; called when a model is built."""

    def shape(self, clean: Shape) -> Shape:
        """The shape of a corrupted sample; the decoder still makes the clean shape."""
        return clean

    def as_clean(self, corrupted: Tensor, clean: Shape) -> Tensor:
        """(N, *corrupted shape) in the layout of clean samples, (N, *clean), without learning: enlarged, say.

        It is the input of a network with positions, the base of a residual, and the baseline "nothing".

        Raises:
            BlueprintError: this corruption has no such layout.
        """
        if tuple(corrupted.shape[1:]) != clean:
            raise BlueprintError(
                f"The corruption {self.kind!r} changes the shape {clean} to {tuple(corrupted.shape[1:])} and defines "
                "no as_clean to change it back. Use a dense network and predicts='sample', or define as_clean."
            )
        return corrupted

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor | None:
        """The random numbers for `count` samples, if it needs any."""
        return None

    def corrupt(self, batch: Batch) -> Corrupted:
        """The corrupted samples of this batch.

        Without random numbers the samples stay clean. If the corruption changes the shape, it is applied with the same
        random numbers at every call.
        """
        clean, shape = batch.clean, tuple(batch.clean.shape[1:])
        if "corruption" in batch.draws:
            values = self(clean, batch.draws["corruption"])
        elif self.shape(shape) == shape:
            return Corrupted(clean, batch.readable)
        else:
            drawn = self.draw(clean.shape[0], shape, torch.Generator().manual_seed(0))
            values = self(clean, None if drawn is None else drawn.to(clean.device))
        return Corrupted(self.quantised(values), batch.readable)

    def target(self, batch: Batch) -> Batch:
        """The batch with the samples that are to be reconstructed, for a kind that draws these as well."""
        return batch

    def hidden(self, draws: Any) -> Tensor:
        """(N, *clean) True for hidden numbers, if the kind `hides` any."""
        raise NotImplementedError

    def filled(self, samples: Tensor, observed: Tensor) -> Tensor:
        """(N, *clean) with 0 for numbers that aren't observed."""
        return torch.where(observed, samples, 0)

    def project(self, correction: Tensor, observed: Tensor | None) -> Tensor:
        """(N, *clean) the residual without changes to numbers that this damage keeps.

        observed: (N, *clean) True for known numbers, if the model has a mask.
        """
        return correction

    def quantised(self, corrupted: Tensor) -> Tensor:
        """(N, *corrupted shape) unchanged, or clipped and rounded to bytes if `as_bytes`."""
        return (corrupted.clamp(0, 1) * 255).round() / 255 if self.as_bytes else corrupted

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *clean shape), scaled, to (N, *corrupted shape)."""
        raise NotImplementedError
