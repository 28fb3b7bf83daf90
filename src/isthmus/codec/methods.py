"""The ways to code samples: each turns a block of raw samples into bytes, and back."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from isthmus.codec.bits_back import Batch, BitsBack
from isthmus.codec.block import Block
from isthmus.codec.codes import Steps, places
from isthmus.codec.exact_model import ExactModel
from isthmus.codec.grid import Grid
from isthmus.codec.packing import DamagedError, Reader, numbers
from isthmus.codec.picture import ByPicture
from isthmus.codec.residual import Misses
from isthmus.codec.stack import Stack
from isthmus.codec.tables import Tables
from isthmus.errors import BlueprintError, UseError
from isthmus.parts import Bce
from isthmus.parts.model import check_decodes, encoder_input

Size = tuple[int, int] | None
"""Height and width of pictures of any size."""
TRIED = (1 / 1024, 1 / 256, 1 / 64, 1 / 16, 1 / 4, 1.0)
"""Errors from rounding the code, as shares of the model's own, of which lossless coding takes the cheapest."""
QUALITY = 50.0
"""The quality by default."""
LOOKED_AT = 256
"""Samples on which settings are tried."""


class Method(Protocol):
    """A way to code blocks, by a name that the file records.

    lossy: whether it may lose something. any_size: whether it takes pictures of any size; others take tiles.
    """

    name: ClassVar[str]
    lossy: ClassVar[bool]
    any_size: ClassVar[bool]

    def suits(self, grid: Grid) -> bool:
        """Whether it can code numbers of this grid."""
        ...

    def encode(self, block: Block, grid: Grid) -> bytes:
        """A block's numbers, without its missing ones, as bytes."""
        ...

    def decode(self, reader: Reader, count: int, grid: Grid, observed: Tensor | None, size: Size = None) -> Tensor:
        """The (count, D) raw numbers, float64, with anything where they are missing."""
        ...

    def bits(self, block: Block, grid: Grid) -> Tensor:
        """Where the bits go: (N, D), what each number costs, or (N, h, w), what each place of the code costs."""
        ...


@dataclass(frozen=True)
class ByBitsBack:
    """Lossless, for a model with a likelihood (see `BitsBack`)."""

    name: ClassVar[str] = "bits-back"
    lossy: ClassVar[bool] = False
    any_size: ClassVar[bool] = False
    model: ExactModel

    @classmethod
    def can(cls, model: Any) -> bool:
        """Whether the model has a likelihood with a distribution function, and codes that can be drawn in turn."""
        if not model.distance.likelihood or model.conditioning.classes or not model.decodes:
            return False
        try:
            next(model.code.in_turn(None, 1, model.code_shape, model.code_module))
            zeros = torch.zeros(1, *model.distance.outputs(model.shape))
            model.distance.parameters(zeros)
        except BlueprintError:
            return False
        return True

    def suits(self, grid: Grid) -> bool:
        """Not if a Bernoulli likelihood gets grey values."""
        return not isinstance(self.model.model.distance, Bce) or int(grid.count.max()) == 2

    def encode(self, block: Block, grid: Grid) -> bytes:
        """See `Method`."""
        batches, words = BitsBack(self.model, grid).encode(grid.levels(block.raw.flatten(1)), block.observed)
        sizes = [batch.size if batch.drawn else -batch.size for batch in batches]
        return numbers(sizes) + Stack(words).to_bytes()

    def decode(self, reader: Reader, count: int, grid: Grid, observed: Tensor | None, size: Size = None) -> Tensor:
        """See `Method`."""
        sizes = reader.numbers(count)
        if (sizes == 0).any() or np.abs(sizes).sum() != count:
            raise DamagedError("its batches don't add up")
        batches = [Batch(abs(size), size > 0) for size in sizes.tolist()]
        return grid.raw(BitsBack(self.model, grid).decode(batches, Stack.read(reader).words(), observed))

    def bits(self, block: Block, grid: Grid) -> Tensor:
        """See `Method`."""
        return BitsBack(self.model, grid).bits(grid.levels(block.raw.flatten(1)), block.observed)


@dataclass(frozen=True)
class ByResidual:
    """Lossless, for any model with a code that can be decoded: the code in whole numbers, then what it misses."""

    name: ClassVar[str] = "residual"
    lossy: ClassVar[bool] = False
    any_size: ClassVar[bool] = False
    model: ExactModel

    def suits(self, grid: Grid) -> bool:
        """Always."""
        return True

    def encode(self, block: Block, grid: Grid) -> bytes:
        """See `Method`."""
        observed = block.observed
        features = _features(self.model, block)
        levels = grid.levels(block.raw.flatten(1))
        return self._encode(self._steps(block, features, grid), features, levels, grid, observed)

    def decode(self, reader: Reader, count: int, grid: Grid, observed: Tensor | None, size: Size = None) -> Tensor:
        """See `Method`."""
        model = self.model.model
        of = places(model, indices_shape(model))
        steps, tables = Steps.unpack(reader, of), Tables.unpack(reader, of)
        misses = Misses.unpack(reader, math.prod(model.shape))
        stack = Stack.read(reader)
        predicted = self._predicted(steps, tables.pop(stack, count), grid)
        numbers_ = misses.levels(predicted, _counts(grid))
        if observed is None:
            return grid.raw(stack.pop(numbers_).view(count, -1))
        popped = stack.pop(numbers_.at(observed.flatten().nonzero()[:, 0]))
        return grid.raw(torch.zeros(observed.shape, dtype=torch.int64).masked_scatter(observed, popped))

    def bits(self, block: Block, grid: Grid) -> Tensor:
        """See `Method`."""
        features, levels = _features(self.model, block), grid.levels(block.raw.flatten(1))
        steps = self._steps(block, features, grid)
        predicted = self._predicted(steps, steps.symbols(self.model.model, features), grid)
        known = levels if block.observed is None else torch.where(block.observed, levels, predicted.round().long())
        misses = Misses.learn(predicted, known, _counts(grid)).levels(predicted, _counts(grid))
        bits = misses.bits(levels.flatten()).view_as(levels)
        return bits if block.observed is None else torch.where(block.observed, bits, 0.0)

    def _steps(self, block: Block, features: Tensor, grid: Grid) -> Steps:
        """The steps that are best for a few of the samples."""
        if self.model.model.code.bits(self.model.model.code_shape) is not None:
            return Steps(None)
        some = _some(features)
        z, own = _codes_and_error(self.model, block, features, some)
        levels = grid.levels(block.raw.flatten(1)[some])
        observed = None if block.observed is None else block.observed[some]
        steps = [Steps.learn(self.model, z, share * own) for share in TRIED]
        return min(steps, key=lambda one: len(self._encode(one, features[some], levels, grid, observed)))

    def _encode(self, steps: Steps, features: Tensor, levels: Tensor, grid: Grid, observed: Tensor | None) -> bytes:
        model = self.model.model
        of = places(model, indices_shape(model))
        symbols = steps.symbols(model, features)
        tables = Tables.learn(symbols, of)
        predicted = self._predicted(steps, symbols, grid)
        known = levels if observed is None else torch.where(observed, levels, predicted.round().long())
        misses = Misses.learn(predicted, known, _counts(grid))
        numbers_ = misses.levels(predicted, _counts(grid))
        stack = Stack()
        if observed is None:
            stack.push(levels.flatten(), numbers_)
        else:
            stack.push(levels[observed], numbers_.at(observed.flatten().nonzero()[:, 0]))
        tables.push(stack, symbols)
        return steps.pack(of) + tables.pack() + misses.pack() + stack.to_bytes()

    def _predicted(self, steps: Steps, symbols: np.ndarray, grid: Grid) -> Tensor:
        """(N, D) the positions on the grid that the reconstruction gives, exact."""
        position = grid.position(self.model.reconstruction(steps.codes(self.model, symbols)).flatten(1))
        return position.nan_to_num(0).clamp(min=0).minimum(torch.from_numpy(grid.count - 1).double())


@dataclass(frozen=True)
class ByCode:
    """Lossy: the code alone, in whole numbers.

    error: the squared error that rounding adds to a reconstruction's, as a share of the model's own; or None, with
    rate: bits for each sample.
    """

    name: ClassVar[str] = "code"
    lossy: ClassVar[bool] = True
    any_size: ClassVar[bool] = False
    model: ExactModel
    error: float | None = 1.0
    rate: float | None = None

    def suits(self, grid: Grid) -> bool:
        """Always: it needs no grid."""
        return True

    def encode(self, block: Block, grid: Grid) -> bytes:
        """See `Method`."""
        model = self.model.model
        features, of = _features(self.model, block), places(model, indices_shape(model))
        steps = self._steps(block, features, of)
        symbols = steps.symbols(model, features)
        tables, stack = Tables.learn(symbols, of), Stack()
        tables.push(stack, symbols)
        return steps.pack(of) + tables.pack() + stack.to_bytes()

    def decode(self, reader: Reader, count: int, grid: Grid, observed: Tensor | None, size: Size = None) -> Tensor:
        """See `Method`."""
        model = self.model.model
        of = places(model, indices_shape(model))
        steps, tables = Steps.unpack(reader, of), Tables.unpack(reader, of)
        symbols = tables.pop(Stack.read(reader), count)
        return self.model.reconstruction(steps.codes(self.model, symbols)).flatten(1)

    def bits(self, block: Block, grid: Grid) -> Tensor:
        """See `Method`: every place of the code costs the same, about."""
        shape = self.model.model.code_shape
        grid_shape = shape[1:] if len(shape) == 3 else (1, 1)
        each = 8 * len(self.encode(block, grid)) / max(1, len(block.raw)) / math.prod(grid_shape)
        return torch.full((len(block.raw), *grid_shape), each)

    def _steps(self, block: Block, features: Tensor, of: np.ndarray) -> Steps:
        model = self.model.model
        if model.code.bits(model.code_shape) is not None:
            return Steps(None)
        z, own = _codes_and_error(self.model, block, features, _some(features))
        if self.rate is None:
            return Steps.learn(self.model, z, (self.error or 1.0) * own)

        def rate(logarithm: float) -> float:
            symbols = Steps.learn(self.model, z, own * 2**logarithm).symbols(model, features)
            tables = Tables.learn(symbols, of)
            return (tables.bits(symbols) + 8 * len(tables.pack())) / len(symbols)

        low, high = -20.0, 20.0
        for _ in range(16):
            middle = (low + high) / 2
            low, high = (middle, high) if rate(middle) > self.rate else (low, middle)
        return Steps.learn(self.model, z, own * 2**high)


METHODS: dict[str, Any] = {one.name: one for one in (ByBitsBack, ByResidual, ByCode, ByPicture)}
"""The methods by the names that files record."""


def methods_for(
    model: ExactModel, lossless: bool, quality: float | None, bits_per_pixel: float | None
) -> tuple[Method, ...]:
    """The methods to choose from, best first. Without any wish, only a model made for it is lossy.

    quality: from 0 to 100.

    Raises:
        UseError: the model's code alone can't be decoded, or it needs labels.
    """
    own = model.model
    check_decodes(own)
    if own.conditioning.classes:
        raise UseError(
            "This model needs labels, which a compressed file doesn't hold. Use a model without a condition."
        )
    if ByPicture.can(own) and not lossless:
        return (ByPicture(model, (QUALITY if quality is None else quality) / 100, bits_per_pixel),)
    if quality is not None or bits_per_pixel is not None:
        share = 10 ** ((QUALITY - (QUALITY if quality is None else quality)) / 25)
        pixels = math.prod(own.shape[1:] if len(own.shape) == 3 else own.shape)
        return (ByCode(model, share, None if bits_per_pixel is None else bits_per_pixel * pixels),)
    likelihood: list[Method] = [ByBitsBack(model)] if ByBitsBack.can(own) else []
    return (*likelihood, ByResidual(model))


def indices_shape(model: Any) -> tuple[int, ...] | None:
    """The shape of a quantised code's indices; None for codes of real numbers."""
    if model.code.bits(model.code_shape) is None:
        return None
    with torch.no_grad():
        shape = model.code.features(model.code_shape)
        zeros = torch.zeros(1, *shape, dtype=torch.float64)
        return tuple(model.code(zeros, None, model.code_module).indices.shape[1:])


def _features(model: ExactModel, block: Block) -> Tensor:
    """The encoder's features, in ordinary arithmetic: the encoder alone chooses the code."""
    own, scaled = model.model, model.scaled(block.raw)
    observed = ~scaled.isnan()
    with torch.no_grad():
        filled = torch.where(observed, scaled, 0.0)
        return own.encoder(encoder_input(own, filled, observed if own.conditioning.mask else None, None))


def _some(features: Tensor) -> slice:
    """The rows on which settings are tried, evenly spread."""
    return slice(None, None, max(1, len(features) // LOOKED_AT))


def _codes_and_error(model: ExactModel, block: Block, features: Tensor, some: slice) -> tuple[Tensor, float]:
    """The codes of some samples, and the mean squared error of their reconstructions, summed over their numbers."""
    z = model.model.code(features[some], None, model.model.code_module).z
    missed = (model.approximate(z) - model.scaled(block.raw[some])).nan_to_num(0)
    return z, float(missed.square().flatten(1).sum(1).mean()) or 1e-6


def _counts(grid: Grid) -> Tensor:
    return torch.from_numpy(grid.count)
