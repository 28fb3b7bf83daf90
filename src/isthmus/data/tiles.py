"""Tiles: pieces of one size that cover a whole picture, each named after its place."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from isthmus.data.options import MODES, Options
from isthmus.data.pictures import decode
from isthmus.data.precision import floating
from isthmus.data.samples import Samples


def tiled(samples: Samples, size: tuple[int, int]) -> Samples:
    """Pictures (N, C, H, W) as the tiles (M, C, *size) that cover them, picture by picture, row by row.

    The last tile of a row or column ends at the picture's border, so it may overlap the one before it. A picture
    smaller than a tile is extended by repeating its last pixels. Like a patch, a tile is named after its picture and
    the row and column of its first pixel: "cats/a@32,0.png".
    """
    values = samples.tensor()
    height, width = values.shape[2:]
    places = places_of((height, width), size)
    missing = (0, max(0, size[1] - width), 0, max(0, size[0] - height))
    if any(missing):
        padded = F.pad(floating(values), missing, mode="replicate")
        values = padded.to(values.dtype)
    cut = [values[..., row : row + size[0], column : column + size[1]] for row, column in places]
    tiles = torch.stack(cut, 1).flatten(0, 1)
    labels = None if samples.labels is None else samples.labels.repeat_interleave(len(places))
    names = tuple(tile_name(name, place) for name in samples.names or map(str, range(len(samples))) for place in places)
    return replace(samples, values=tiles, rows=None, labels=labels, names=names, damaged=None)


def places_of(picture: tuple[int, int], size: tuple[int, int]) -> list[tuple[int, int]]:
    """Row and column of the first pixel of each tile of a picture of this height and width, row by row."""
    rows, columns = (list(_starts(*sides)) for sides in zip(picture, size, strict=True))
    return [(row, column) for row in rows for column in columns]


def tile_name(name: str, place: tuple[int, int]) -> str:
    """The name of a tile of this picture."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}@{place[0]},{place[1]}{path.suffix}"))


def one_picture(source: Any, channels: int) -> Any:
    """A Pillow picture, or an array (H, W), (C, H, W) or (H, W, C), as a set of one; other sources unchanged."""
    if isinstance(source, Image.Image):
        mode = MODES.get(channels)
        if source.mode.startswith(("I", "F")):  # more than eight bits
            values = decode(source, "The picture", Options(mode=mode))[0]
        else:
            values = np.moveaxis(np.array(source.convert(mode)).reshape(*source.size[::-1], channels), 2, 0)
        return torch.from_numpy(values[None])
    shape = getattr(source, "shape", None)
    if shape is None or not hasattr(source, "reshape") or len(shape) not in (2, 3):
        return source
    if len(shape) == 2:
        return source.reshape(1, 1, *shape)
    if shape[0] == channels:
        return source.reshape(1, *shape)
    if shape[-1] == channels and channels > 1:
        return torch.as_tensor(source)[None].movedim(-1, 1)
    return source


def _starts(length: int, side: int) -> Iterator[int]:
    yield from range(0, length - side, side)
    yield max(0, length - side)
