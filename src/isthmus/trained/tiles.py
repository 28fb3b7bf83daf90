"""A model that learnt at one size, at any other: pictures in overlapping tiles, laid over each other without a seam."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError, UseError
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import Shape

TILE, OVERLAP = 256, 64
"""Sides of a tile, and how far two lie over each other, in pixels of what is restored."""
GRID = 32
"""Tiles begin at multiples of this many pixels, so that what halves the picture halves each of them alike."""
BATCH_PIXELS = 2**17
"""Of tiles that go through the network together."""

Use = Callable[[Autoencoder, Tensor], Tensor]
Progress = Callable[[int, int], object]


def at_size(model: Autoencoder, shape: Shape) -> Autoencoder | None:
    """The same weights in a model of clean samples of another shape; None where they don't fit it.

    They do in networks that are convolutional throughout; where the code is flat, they know the size.
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
    """Pictures of any size through a model, whatever size it learnt at.

    A convolutional model is given tiles of `side` pixels; another one tiles of the size that it knows, half over each
    other. Where two lie over each other, one fades out as the other fades in, and the outermost pixels of a tile, which
    lack their neighbours, don't count at all.

    side, overlap: of the tiles, in pixels of what comes out; rounded to multiples of 32. as_learnt: tiles of the size
        that the model learnt at, whatever other size it could take.

    Raises:
        UseError: the model takes no pictures.
    """

    def __init__(
        self, model: Autoencoder, side: int = TILE, overlap: int = OVERLAP, *, as_learnt: bool = False
    ) -> None:
        if len(model.shape) != 3:
            raise UseError(
                f"This model takes samples of shape {model.shape}, which are no pictures. Use reconstruct for them."
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
        """(N, C, h, w) raw damaged pictures to (N, C', H, W) raw restored ones, float32, on the CPU.

        use: what is done with a model and tiles; its `reconstruct` where None.
        progress: called as `progress(done, total)` in tiles.
        """
        use = use or (lambda model, tiles: model.reconstruct(tiles))
        height, width = seen.shape[2:]
        axes = [self._axis(length, place) for place, length in enumerate((height, width))]
        (rows, tall), (columns, wide) = axes
        missing = (0, rows[-1] + tall - height, 0, columns[-1] + wide - width)
        whole = F.pad(seen.float(), (missing[2], missing[3], missing[0], missing[1]), mode="replicate")
        model = self._at((tall, wide))
        device, factor = model.device, self.factor
        places = [(row, column) for row in rows for column in columns]
        together = max(1, BATCH_PIXELS // (tall * wide * factor**2 * len(seen)))
        size = (whole.shape[2] * factor, whole.shape[3] * factor)
        made = torch.zeros(len(seen), model.shape[0], *size)
        total = torch.zeros(size)
        for start in range(0, len(places), together):
            chosen = places[start : start + together]
            tiles = torch.cat([whole[..., row : row + tall, column : column + wide] for row, column in chosen])
            restored = use(model, tiles.to(device)).float().cpu().split(len(seen))
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
        """Where tiles begin along one axis of so many pixels that come in, and how long they are."""
        side, step = self.sides[place], self.sides[place] - self.overlaps[place]
        if length <= side:
            return [0], length if self.convolutional else side
        padded = -(-length // self.grid) * self.grid
        return [*range(0, padded - side, step), padded - side], side

    def _at(self, size: Shape) -> Autoencoder:
        """The model for tiles of this height and width, as they come in."""
        shape = (self.model.shape[0], *(side * self.factor for side in size))
        if not self.convolutional:
            return self.model
        if shape not in self._sized:
            sized = at_size(self.model, shape)
            if sized is None:
                raise BlueprintError(f"The model doesn't fit tiles of shape {shape}. Give another size of the tiles.")
            self._sized = {shape: sized}  # one is enough: of a folder, most tiles have one size
        return self._sized[shape]


def _factor(model: Autoencoder) -> int:
    """How many pixels come out for one that comes in, along each axis."""
    if not model.corruption.damages:
        return 1
    many = 5040  # which can be divided by all that one would divide by
    return many // model.corruption.shape((model.shape[0], many, many))[1]


def _fade(start: int, side: int, starts: list[int], overlap: int, factor: int) -> Tensor:
    """(side · factor,) how much each row of a tile counts: 1, and from and to 0 where another tile lies over it."""
    count = torch.arange(side * factor) + 0.5
    over = overlap * factor
    edges = (count, side * factor - count)
    weight = torch.ones(side * factor)
    for inner, from_edge in zip((start != starts[0], start != starts[-1]), edges, strict=True):
        if inner:
            weight = weight * ((from_edge - over / 4) / (over / 2)).clamp(1e-6, 1)
    return weight
