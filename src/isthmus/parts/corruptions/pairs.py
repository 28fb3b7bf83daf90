"""Pairs: the data contain a damaged sample for each clean one."""

from typing import Annotated, ClassVar, Self

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from isthmus.parts.corruptions.colour import Grey
from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.corruptions.shrink import Shrink
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Batch, Corrupted
from isthmus.parts.part import Shape


class Pairs(Corruption):
    """Uses the damaged samples in the data instead of damaging the clean ones (`open_data(clean, damaged=…)`).

    Damaged pictures may be grey or smaller. If a damaged picture isn't available, the clean picture is used, made grey
    or smaller in the same way.

    The "damaged" sample may be any other input, such as that of a layer whose output is the clean sample (a
    transcoder).

    grey: whether the damaged pictures have one channel and the clean ones three. factor: how many times smaller they
        are, along each axis. numbers: the length of the damaged rows, if it isn't that of the clean ones; else 0. All
        are decided from the data.
    """

    later: ClassVar[tuple[str, ...]] = ("numbers",)

    grey: bool = False
    factor: Annotated[int, Field(ge=1, le=16)] = 1
    numbers: Annotated[int, Field(ge=0)] = 0

    def resolve(self, spec: DataSpec) -> Self:
        """The same corruption with its options decided from the data."""
        if spec.damaged is None:
            return self
        grey, factor, numbers = spec.damaged
        return self.replace(grey=grey, factor=factor, numbers=numbers)

    def shape(self, clean: Shape) -> Shape:
        """The shape of a damaged sample."""
        if self.numbers:
            return (self.numbers,)
        for step in self._steps():
            clean = step.shape(clean)
        return clean

    def as_clean(self, corrupted: Tensor, clean: Shape) -> Tensor:
        """(N, *damaged) to (N, *clean): enlarged by bicubic interpolation, the same grey in every colour.

        Rows are cut or padded with zeros.
        """
        if self.numbers:
            return _fitted(corrupted, clean[0])
        shapes = [clean]
        for step in self._steps():
            shapes.append(step.shape(shapes[-1]))
        for step, shape in zip(reversed(self._steps()), reversed(shapes[:-1]), strict=True):
            corrupted = step.as_clean(corrupted, shape)
        return corrupted

    def corrupt(self, batch: Batch) -> Corrupted:
        """The damaged samples of the batch, if it has them."""
        if batch.damaged is None:
            return super().corrupt(batch)
        return Corrupted(self.quantised(batch.damaged), batch.readable)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, *clean) to (N, *damaged): made grey, smaller or cut, to have the damaged samples' shape."""
        if self.numbers:
            return _fitted(clean, self.numbers)
        for step in self._steps():
            clean = step(clean)
        return clean

    def _steps(self) -> list[Corruption]:
        """The corruptions that give a clean sample the damaged shape."""
        steps: list[Corruption] = [Grey()] if self.grey else []
        return [*steps, Shrink(factor=self.factor)] if self.factor > 1 else steps


def _fitted(rows: Tensor, numbers: int) -> Tensor:
    """(N, D) to (N, numbers): cut, or padded with zeros."""
    return functional.pad(rows[:, :numbers], (0, max(0, numbers - rows.shape[1])))
