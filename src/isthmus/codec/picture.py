"""Learned picture compression: the symbols of a rounded code under the model's own entropy model."""

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.codec.block import Block
from isthmus.codec.exact_model import ExactModel
from isthmus.codec.grid import Grid
from isthmus.codec.packing import DamagedError, Reader, number, numbers
from isthmus.codec.stack import Stack, Tabled
from isthmus.errors import UseError
from isthmus.exact import exactly
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import Gdn, Rounded
from isthmus.parts.layers import Head
from isthmus.parts.priors.tables import BITS, Tables

TILE, MARGIN = 1024, 64
"""The side of the tiles of a large picture, and how far each looks over its edges, in pixels."""
FINE = 1000
"""Steps from one quality to the next that a file can name."""


@dataclass(frozen=True)
class ByPicture:
    """Lossy, for pictures of any size and a model with a rounded code (`image-codec`).

    quality: from 0 to 1. rate: bits for each pixel instead; the nearest quality is searched for.

    Only the entropy model and the decoder need exact arithmetic; the encoder is free to choose any symbols. A large
    picture goes through both networks in tiles that overlap by more than a position of the code can see, so that they
    leave no seams.
    """

    name: ClassVar[str] = "picture"
    lossy: ClassVar[bool] = True
    any_size: ClassVar[bool] = True
    model: ExactModel
    quality: float = 0.5
    rate: float | None = None

    @classmethod
    def can(cls, model: Autoencoder) -> bool:
        """Whether the model has a rounded code that keeps its positions, and networks for any size."""
        network = getattr(model.blueprint, "network", None)
        return isinstance(model.code, Rounded) and isinstance(network, Gdn) and len(model.code_shape) == 3

    def suits(self, grid: Grid) -> bool:
        """Always: it needs no grid."""
        return True

    def encode(self, block: Block, grid: Grid) -> bytes:
        """See `Method`."""
        if block.observed is not None:
            raise UseError("This model compresses complete pictures, but some numbers are missing. Fill them first.")
        features = self._features(block.raw)
        last = self._code.qualities - 1
        place = round(FINE * last * self.quality)
        if self.rate is not None:
            wanted, low, high = self.rate * block.raw[:, 0].numel(), 0, FINE * last
            while high - low > 1:  # the rate rises with the quality
                middle = (low + high) // 2
                low, high = (middle, high) if 8 * len(self._encode(features, middle)) < wanted else (low, middle)
            place = min((low, high), key=lambda one: abs(8 * len(self._encode(features, one)) - wanted))
        return self._encode(features, place)

    def decode(
        self, reader: Reader, count: int, grid: Grid, observed: Tensor | None, size: tuple[int, int] | None = None
    ) -> Tensor:
        """(count, C · H · W) raw numbers (see `Method`)."""
        if size is None:
            raise DamagedError("it has no height and width")
        quality = self._quality(reader.number())
        escaped = reader.numbers(2**31)
        stack = Stack.read(reader)
        shape = (count, *self._code_shape(size))
        symbols = self._popped(stack, shape, quality, iter(escaped.tolist()))
        quantiser = self._quantiser
        with exactly():
            z = quantiser.code(symbols, quality)
        return self._pictures(z, size).flatten(1)

    def bits(self, block: Block, grid: Grid) -> Tensor:
        """See `Method`."""
        features = self._features(block.raw)
        quality = self._quality(round(FINE * (self._code.qualities - 1) * self.quality))
        symbols, side = self._symbols(features, quality)
        tables, rows = self._tables(symbols.shape, side, quality)
        shifted = (symbols - tables.offsets[rows]).clamp(min=-1)
        shifted = torch.where((shifted < 0) | (shifted >= tables.sizes[rows]), tables.sizes[rows], shifted)
        counts = tables.cumulative.diff(dim=1)[rows.flatten(), shifted.flatten()].view_as(symbols)
        return (BITS - counts.double().clamp(min=1).log2()).sum(1)

    @property
    def _code(self) -> Rounded:
        code = self.model.model.code
        assert isinstance(code, Rounded)
        return code

    @property
    def _quantiser(self) -> Any:
        """The code's module."""
        return self._free[torch.float64].code_module

    def _quality(self, place: int) -> Tensor:
        """(1,) the quality that a file names, in the model's units."""
        last = self._code.qualities - 1
        if place > FINE * last:
            raise DamagedError("its quality is too high")
        return torch.full((1,), place / FINE, dtype=torch.float64)

    def _symbols(self, features: Tensor, quality: Tensor) -> tuple[Tensor, Tensor | None]:
        """The whole numbers of the code, and those of its side information, if it has some."""
        module, features = self._quantiser, features.double()
        return module.symbols(features, quality), module.entropy.side_symbols(features, quality)

    def _encode(self, features: Tensor, place: int) -> bytes:
        quality = self._quality(place)
        symbols, side = self._symbols(features, quality)
        stack, escaped = Stack(), []
        tables, rows = self._tables(symbols.shape, side, quality)
        _push(stack, symbols, tables, rows, escaped)
        if side is not None:
            _push(stack, side, *self._side_tables(side.shape, quality), escaped)
        return number(place) + numbers(np.concatenate([*escaped[::-1], np.zeros(0, np.int64)])) + stack.to_bytes()

    def _popped(self, stack: Stack, shape: tuple[int, ...], quality: Tensor, escaped: Iterator[int]) -> Tensor:
        side = None
        side_shape = self._code.entropy_prior.side_shape(shape[1:])
        if side_shape != (0,):
            whole = (shape[0], *side_shape)
            side = _pop(stack, whole, *self._side_tables(whole, quality), escaped)
        return _pop(stack, shape, *self._tables(shape, side, quality), escaped)

    def _tables(self, shape: tuple[int, ...], side: Tensor | None, quality: Tensor) -> tuple[Tables, Tensor]:
        """The tables of the code's symbols, and the (N, C, h, w) number of each one's."""
        module = self._quantiser
        entropy = module.entropy
        with exactly():
            if side is None:
                return entropy.tables(module.steps(quality, 2)[0]), _channels(shape)
            steps = module.steps(quality, 4)
            rows = torch.cat([entropy.rows(entropy.side_code(one[None], quality), steps) for one in side])
        return entropy.tables(), rows[..., : shape[2], : shape[3]]

    def _side_tables(self, shape: tuple[int, ...], quality: Tensor) -> tuple[Tables, Tensor]:
        entropy = self._quantiser.entropy
        with exactly():
            return entropy.side_tables(quality), _channels(shape)

    def _code_shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """(C, h, w) of the code of a picture of this height and width."""
        stride = self._stride
        return (self.model.model.code_shape[0], -(-size[0] // stride), -(-size[1] // stride))

    @property
    def _stride(self) -> int:
        model = self.model.model
        return -(-model.shape[1] // model.code_shape[1])

    def _features(self, raw: Tensor) -> Tensor:
        """(N, C, H, W) pictures to (N, C', h, w) features, in float32, tile by tile."""
        stride = self._stride
        missing = [end for side in reversed(raw.shape[2:]) for end in (0, -side % stride)]
        scaled = F.pad(self.model.scaled(raw).float(), missing, mode="replicate")

        with torch.no_grad():
            return _by_tiles(scaled, self._free[torch.float32].encoder, TILE, MARGIN, 1, stride)

    def _pictures(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        """(N, C, h, w) codes to (N, C, H, W) raw pictures, float64, with the same bits on every machine."""
        stride, decoder = self._stride, self._free[torch.float64].decoder
        with exactly():
            made = _by_tiles(z, decoder, TILE // stride, MARGIN // stride, stride, 1)
            return self.model.raw(self.model.model.distance.picture(made))[..., : size[0], : size[1]]

    @functools.cached_property
    def _free(self) -> dict[torch.dtype, Autoencoder]:
        """The model in float32 and in exact arithmetic, for pictures of any size: without layers that fit to one."""
        made = {}
        for dtype, model in ((torch.float32, self.model.plain), (torch.float64, self.model.model)):
            made[dtype] = free = copy.deepcopy(model)
            for module in list(free.modules()):
                for name, layer in module.named_children():
                    if isinstance(layer, Head):
                        setattr(module, name, nn.Identity())
        return made


def _channels(shape: tuple[int, ...]) -> Tensor:
    """(N, C, h, w) the number of each symbol's channel."""
    return torch.arange(shape[1]).view(1, -1, *[1] * (len(shape) - 2)).expand(shape)


def _probabilities(tables: Tables) -> list[np.ndarray]:
    """Of each table's symbols, and of its escape."""
    counts = tables.cumulative.diff(dim=1).numpy()
    return [own[: size + 1] / 2.0**BITS for own, size in zip(counts, tables.sizes.tolist(), strict=True)]


def _push(stack: Stack, symbols: Tensor, tables: Tables, rows: Tensor, escaped: list[np.ndarray]) -> None:
    """Push symbols; those outside their table are an escape, and go to a list."""
    rows, symbols = rows.flatten(), symbols.flatten()
    places = symbols - tables.offsets[rows]
    outside = (places < 0) | (places >= tables.sizes[rows])
    escaped.append(symbols[outside].numpy())
    stack.push(torch.where(outside, tables.sizes[rows], places), Tabled(_probabilities(tables), rows.numpy()))


def _pop(stack: Stack, shape: tuple[int, ...], tables: Tables, rows: Tensor, escaped: Iterator[int]) -> Tensor:
    """The inverse of `_push`."""
    rows = rows.flatten()
    places = stack.pop(Tabled(_probabilities(tables), rows.numpy()))
    symbols = places + tables.offsets[rows]
    for place in (places == tables.sizes[rows]).nonzero()[:, 0].tolist():
        symbols[place] = _next(escaped)
    return symbols.view(shape)


def _next(escaped: Iterator[int]) -> int:
    value = next(escaped, None)
    if value is None:
        raise DamagedError("it has too few of the rare symbols")
    return value


def _by_tiles(x: Tensor, use: Callable[[Tensor], Tensor], side: int, margin: int, grow: int, shrink: int) -> Tensor:
    """(N, C, H, W) through `use` in tiles, each with a margin that is cut off again; its result has another size.

    grow, shrink: by how much `use` multiplies and divides height and width.
    """
    height, width = x.shape[2:]
    rows = []
    for top in range(0, height, side):
        row = []
        for left in range(0, width, side):
            y, a, c = _window(top, side, margin, height)
            x_, b, d = _window(left, side, margin, width)
            made = use(x[..., y, x_])
            a, b, c, d = (one * grow // shrink for one in (a, b, c, d))
            row.append(made[..., a : a + c, b : b + d])
        rows.append(torch.cat(row, 3))
    return torch.cat(rows, 2)


def _window(start: int, side: int, margin: int, length: int) -> tuple[slice, int, int]:
    """What a tile sees along one axis, where it begins in it, and its length."""
    end = min(start + side, length)
    low, high = max(0, start - margin), min(length, end + margin)
    return slice(low, high), start - low, end - start
