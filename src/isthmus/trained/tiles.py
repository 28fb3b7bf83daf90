"""A model of one picture size applied to any other: overlapping tiles, blended without a seam."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.data.precision import floating
from isthmus.data.samples import placed
from isthmus.errors import BlueprintError, UseError
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import Shape

TILE, OVERLAP = 256, 64
"""Side and overlap of tiles, in pixels of the output."""
GRID = 32
"""Tiles start at multiples of this many pixels, so that a network that halves its input treats all tiles alike."""
BATCH_PIXELS = 2**17
"""Pixels of the tiles that go through the network together."""

Use = Callable[[Autoencoder, Tensor], Tensor]
Progress = Callable[[int, int], object]


def at_size(model: Autoencoder, shape: Shape) -> Autoencoder | None:
    """The same weights in a model of clean samples of another shape; None if they don't fit.

    They fit in fully convolutional networks; with a flat code, they depend on the size.
    """
    if tuple(shape) == model.shape:
        return model
    if model.blueprint is None or model.scaling.scale.ndim:
        return None
    try:
        other = model.blueprint.assemble(tuple(shape), model.scaling)
        other.load_state_dict(model.state_dict())
    except (BlueprintError, RuntimeError):
        return None
    return other.to(model.device).eval()


class Tiles:
    """Apply a model to pictures of any size.

    A convolutional model gets tiles of `side` pixels; any other model gets tiles of its training size, which overlap by
    half. In an overlap, one tile fades out while the other fades in. The outermost pixels of a tile, which lack their
    neighbours, don't count.

    side, overlap: of the tiles, in pixels of the output; rounded to multiples of 32. as_learnt: use tiles of the
        training size, even if the model could take another size.

    Raises:
        UseError: the model takes no pictures.
    """

    def __init__(
        self, model: Autoencoder, side: int = TILE, overlap: int = OVERLAP, *, as_learnt: bool = False
    ) -> None:
        if len(model.shape) != 3:
            raise UseError(
                f"This model takes samples of shape {model.shape}, but tiles need pictures. Use reconstruct instead."
            )
        self.model, self.factor = model, _factor(model)
        channels, height, width = model.shape
        self.convolutional = (
            not as_learnt and at_size(model, (channels, height + 2 * GRID, width + 2 * GRID)) is not None
        )
        if self.convolutional:
            self.grid = GRID // math.gcd(GRID, self.factor)
            step = self.grid * self.factor
            one = max(2, -(-side // step)) * self.grid
            self.sides = (one, one)
            self.overlaps = (min(max(1, round(overlap / step)) * self.grid, one - self.grid),) * 2
        else:
            self.grid, self.sides = 1, model.input_shape[1:]
            self.overlaps = tuple(length // 2 for length in self.sides)
        self._sized: dict[Shape, Autoencoder] = {}

    @torch.no_grad()
    def __call__(self, seen: Tensor, use: Use | None = None, progress: Progress | None = None) -> Tensor:
        """(N, C, h, w) raw damaged pictures to (N, C', H, W) raw restored ones, on the CPU.

        float32, or float64 if the training data are.

        use: the function of a model and tiles; `reconstruct` if None.
        progress: called as `progress(done, total)` in tiles.
        """
        use = use or (lambda model, tiles: model.reconstruct(tiles))
        height, width = seen.shape[2:]
        axes = [self._axis(length, place) for place, length in enumerate((height, width))]
        (rows, tall), (columns, wide) = axes
        missing = (0, rows[-1] + tall - height, 0, columns[-1] + wide - width)
        whole = F.pad(floating(seen), (missing[2], missing[3], missing[0], missing[1]), mode="replicate")
        model = self._at((tall, wide))
        device, factor = model.device, self.factor
        places = [(row, column) for row in rows for column in columns]
        together = max(1, BATCH_PIXELS // (tall * wide * factor**2 * len(seen)))
        size = (whole.shape[2] * factor, whole.shape[3] * factor)
        made = torch.zeros(
            len(seen), model.shape[0], *size, dtype=torch.float64 if model.scaling.precise else torch.float32
        )
        total = torch.zeros(size, dtype=made.dtype)
        for start in range(0, len(places), together):
            chosen = places[start : start + together]
            tiles = torch.cat([whole[..., row : row + tall, column : column + wide] for row, column in chosen])
            restored = use(model, placed(tiles, device)).cpu().split(len(seen))
            for (row, column), tile in zip(chosen, restored, strict=True):
                down = _fade(row, tall, rows, self.overlaps[0], factor)
                weight = down[:, None] * _fade(column, wide, columns, self.overlaps[1], factor)
                here = (
                    ...,
                    slice(row * factor, (row + tall) * factor),
                    slice(column * factor, (column + wide) * factor),
                )
                made[here] += tile * weight
                total[here] += weight
            if progress is not None:
                progress(start + len(chosen), len(places))
        return (made / total)[..., : height * factor, : width * factor]

    def _axis(self, length: int, place: int) -> tuple[list[int], int]:
        """The starts of the tiles along one axis of `length` input pixels, and the length of a tile."""
        side, step = self.sides[place], self.sides[place] - self.overlaps[place]
        if length <= side:
            return [0], length if self.convolutional else side
        padded = -(-length // self.grid) * self.grid
        return [*range(0, padded - side, step), padded - side], side

    def _at(self, size: Shape) -> Autoencoder:
        """The model for input tiles of this height and width."""
        shape = (self.model.shape[0], *(side * self.factor for side in size))
        if not self.convolutional:
            return self.model
        if shape not in self._sized:
            sized = at_size(self.model, shape)
            if sized is None:
                raise BlueprintError(f"The model can't take tiles of shape {shape}. Choose another tile size.")
            self._sized = {shape: sized}  # one is enough: most tiles of a folder have the same size
        return self._sized[shape]


def _factor(model: Autoencoder) -> int:
    """The number of output pixels per input pixel, along each axis."""
    if not model.corruption.damages:
        return 1
    many = 5040  # divisible by all plausible factors
    return many // model.corruption.shape((model.shape[0], many, many))[1]


def _fade(start: int, side: int, starts: list[int], overlap: int, factor: int) -> Tensor:
    """(side · factor,) the weight of each row of a tile: 1, falling to 0 where another tile overlaps it."""
    count = torch.arange(side * factor) + 0.5
    over = overlap * factor
    edges = (count, side * factor - count)
    weight = torch.ones(side * factor)
    for inner, from_edge in zip((start != starts[0], start != starts[-1]), edges, strict=True):
        if inner:
            weight = weight * ((from_edge - over / 4) / (over / 2)).clamp(1e-6, 1)
    return weight
