"""A block of samples as bytes, and back: shape, names, missing numbers, the grid, and the method's own part."""

import json
import math
import zlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.codec.block import Block
from isthmus.codec.exact_model import ExactModel
from isthmus.codec.file import checksum, name_bytes, names_from
from isthmus.codec.grid import Grid
from isthmus.codec.methods import METHODS, Method
from isthmus.codec.packing import DamagedError, Reader, number, part
from isthmus.codec.stack import Stack
from isthmus.codec.tables import Tables
from isthmus.data.precision import floating
from isthmus.data.samples import Samples
from isthmus.errors import UseError
from isthmus.options.reading import Kind

LARGEST = 2**28
"""The most numbers of a block; a hostile file could ask for more memory than there is."""
_BYTES = Grid(np.zeros(1), np.ones(1), np.full(1, 256))
_METHODS = sorted(METHODS)
_UNREADABLE = (ValueError, TypeError, LookupError, RuntimeError, ArithmeticError, MemoryError, zlib.error)
"""The errors that other bytes than those of `BlockCoder.encode` can lead to."""


@dataclass(frozen=True)
class BlockCoder:
    """Codes pieces of a source with one model.

    model: in exact arithmetic. kind, dtype: of the samples. methods: to choose from, the first that suits.
    max_error: the largest error of a number; None codes without loss. check: whether what was written is decoded again.
    """

    model: ExactModel
    kind: Kind
    dtype: str
    methods: tuple[Method, ...]
    max_error: float | None = None

    def encode(self, samples: Samples) -> tuple[bytes, str]:
        """Samples of the model's shape, or whole pictures for a model of pictures, as bytes, and the method's name.

        Raises:
            UseError: they can't be coded like this; or the decoded block isn't what it has to be.
        """
        whole = samples.tensor()
        if self.methods[0].any_size:
            raw, size = whole, (int(whole.shape[-2]), int(whole.shape[-1]))
        else:
            raw, size = self._as_tiles(whole)
        if raw.numel() > LARGEST:
            raise UseError(
                f"A block of {raw.numel():,} numbers is too large: expected {LARGEST:,} at most. Give rows=."
            )
        method, grid = self._choose(replace(samples, values=raw, rows=None, labels=None, names=(), damaged=None))
        block = Block(raw)
        observed = block.observed
        content = method.encode(block, grid)
        made = method.decode(Reader(content), len(raw), grid, observed, size)
        decoded = self._as_stored(made, observed, raw.shape)
        self._check(raw, decoded, method.name)
        head = number(len(raw)) + bytes([_METHODS.index(method.name), size is not None])
        if size is not None:
            head += number(size[0]) + number(size[1])
        grid_part = b"" if grid is _BYTES else zlib.compress(json.dumps(grid.to_json()).encode(), 9)
        holes = part(b"" if observed is None else _pack_holes(observed))
        head += checksum(decoded.numpy()) + name_bytes(samples.names) + part(grid_part) + holes
        return head + content, method.name

    def bits(self, samples: Samples) -> Tensor:
        """Where the bits go: (N, D) or (N, h, w) (see `Method.bits`); of a large picture, of its tiles."""
        whole = samples.tensor()
        raw, size = (whole, None) if self.methods[0].any_size else self._as_tiles(whole)
        method, grid = self._choose(replace(samples, values=raw, rows=None, labels=None, names=(), damaged=None))
        bits = method.bits(Block(raw), grid)
        if len(self.model.model.shape) != 3:
            return bits
        if bits.ndim == 2:
            bits = bits.view(len(raw), *self.model.model.shape).sum(1)
        if size is None:
            return bits
        down, across = _tiles(size, self.model.model.shape[1:])
        board = bits.view(down, across, *bits.shape[1:]).transpose(1, 2).flatten(0, 1).flatten(1, 2)
        shape = self.model.model.shape
        high, wide = (
            -(-side * cells // tile) for side, cells, tile in zip(size, bits.shape[1:], shape[1:], strict=True)
        )
        return board[None, :high, :wide]

    def decode(self, content: bytes, samples: int) -> Samples:
        """The inverse of `encode`, for so many samples.

        Raises:
            DamagedError: the bytes aren't what `encode` made with this model.
        """
        try:
            return self._decode(Reader(content), samples)
        except UseError:  # damage
            raise
        except _UNREADABLE as error:
            raise DamagedError("its numbers can't be right") from error

    def _decode(self, reader: Reader, samples: int) -> Samples:
        shape, each = self.model.model.shape, math.prod(self.model.model.shape)
        count = reader.number()
        way, whole = reader.take(2)
        size = (reader.number(), reader.number()) if whole else None
        if count * each > LARGEST or way >= len(_METHODS) or (size and math.prod(size) > LARGEST):
            raise DamagedError("its sizes can't be right")
        method = METHODS[_METHODS[way]](self.model)
        tiled = size is not None and not method.any_size
        if size is not None and method.any_size:
            shape, each = (shape[0], *size), shape[0] * math.prod(size)
            if count * each > LARGEST:
                raise DamagedError("its sizes can't be right")
        if size is not None and tiled and count != math.prod(_tiles(size, shape[1:])):
            raise DamagedError("its tiles don't cover the picture")
        if samples != (1 if tiled else count):
            raise DamagedError("it has another number of samples than the index says")
        sum_, names = reader.take(4), names_from(reader, samples)
        grid_part, holes = reader.part(), reader.part()
        grid = _BYTES
        if grid_part:
            grid = Grid.from_json(json.loads(zlib.decompressobj().decompress(grid_part, 2**26)), each)
        observed = _unpack_holes(holes, count, each) if holes else None
        made = method.decode(reader, count, grid, observed, size)
        decoded = self._as_stored(made, observed, (count, *shape))
        if checksum(decoded.numpy()) != sum_:
            raise DamagedError("its decoded samples have another checksum, so model or file have changed")
        if size is not None and tiled:
            decoded = _untiled(decoded, size)
        return Samples(values=decoded, kind=self.kind, names=names)

    def _choose(self, samples: Samples) -> tuple[Method, Grid]:
        """The first method that suits the samples, and their grid."""
        lossy = all(method.lossy for method in self.methods)
        if lossy:
            return self.methods[0], _BYTES
        if self.max_error is not None:
            grid = Grid.within(samples, self.max_error)
        else:
            grid = Grid.natural(samples)
            if (grid.values is None) and samples.dtype == "uint8":
                grid = _BYTES
        return next(method for method in self.methods if method.suits(grid)), grid

    def _as_stored(self, made: Tensor, observed: Tensor | None, shape: tuple[int, ...]) -> Tensor:
        """(N, D) decoded numbers as the samples' type and shape, with NaN where a number is missing."""
        if self.dtype == "uint8":
            return made.round().clamp(0, 255).to(torch.uint8).view(shape)
        if observed is not None:
            made = torch.where(observed, made, torch.nan)
        return made.to(torch.float64 if self.dtype == "float64" else torch.float32).view(shape)

    def _check(self, raw: Tensor, decoded: Tensor, method: str) -> None:
        """Raise UseError unless the decoded numbers are as near as promised."""
        if METHODS[method].lossy:
            return
        if self.max_error is None:
            same = (
                torch.equal(raw.nan_to_num(0.5), decoded.nan_to_num(0.5))
                if raw.is_floating_point()
                else torch.equal(raw, decoded)
            )
        else:
            difference = (raw.double() - decoded.double()).abs().nan_to_num(0)
            same = float(difference.max()) <= self.max_error
        if not same:
            raise UseError(
                "The decoded samples aren't the same as the samples, so nothing was written. Please report this, with "
                "your samples."
            )

    def _as_tiles(self, raw: Tensor) -> tuple[Tensor, tuple[int, int] | None]:
        """One whole picture (1, C, H, W) as tiles of the model's size, with its height and width; else unchanged."""
        shape = self.model.model.shape
        if raw.shape[1:] == shape:
            return raw, None
        height, width = raw.shape[-2:]
        down, across = _tiles((height, width), shape[1:])
        missing = (0, across * shape[2] - width, 0, down * shape[1] - height)
        padded = F.pad(floating(raw), missing, mode="replicate").to(raw.dtype)
        cut = padded.unfold(2, shape[1], shape[1]).unfold(3, shape[2], shape[2])  # (1, C, down, across, h, w)
        return cut[0].permute(1, 2, 0, 3, 4).reshape(-1, *shape), (height, width)


def _tiles(size: tuple[int, int], tile: tuple[int, ...]) -> tuple[int, int]:
    """The number of tiles down and across."""
    return -(-size[0] // tile[0]), -(-size[1] // tile[1])


def _untiled(tiles: Tensor, size: tuple[int, int]) -> Tensor:
    """The inverse of `BlockCoder._as_tiles`: (1, C, H, W)."""
    channels, height, width = tiles.shape[1:]
    down, across = _tiles(size, (height, width))
    whole = tiles.view(down, across, channels, height, width).permute(2, 0, 3, 1, 4)
    return whole.reshape(1, channels, down * height, across * width)[..., : size[0], : size[1]].contiguous()


def _pack_holes(observed: Tensor) -> bytes:
    """(N, D) which numbers are known, as bytes."""
    symbols, of = observed.numpy().astype(np.int64), np.arange(observed.shape[1])
    tables, stack = Tables.learn(symbols, of), Stack()
    tables.push(stack, symbols)
    return tables.pack() + stack.to_bytes()


def _unpack_holes(content: bytes, count: int, each: int) -> Tensor:
    """The inverse of `_pack_holes`."""
    reader = Reader(content)
    tables = Tables.unpack(reader, np.arange(each))
    return torch.from_numpy(tables.pop(Stack.read(reader), count)) == 1
