"""Patches: pieces of one size cut from pictures of any size. Each region of a picture goes to a single part."""

import math
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np

from isthmus.errors import DataError

MANY = 10
"""With this many pictures or more, each picture is one region."""
REGIONS = 20
"""The number of regions of fewer pictures, if they are large enough."""


def cut(
    pixels: np.ndarray, name: str, count: int, size: tuple[int, int], pictures: int
) -> Iterator[tuple[np.ndarray, str, int]]:
    """Up to `count` patches (C, *size) of one picture (C, H, W), each with its name and the region it lies in.

    Each region gets equally many patches, completely inside it, at different random places; a small picture has fewer.
    The same picture with the same name always gives the same patches. A patch is named after the picture and the row
    and column of its first pixel: "cats/a@40,12.png".

    pictures: the number of pictures in the set; if there are few, each is divided into several regions.

    Raises:
        DataError: the picture is smaller than a patch.
    """
    height, width = pixels.shape[1:]
    if height < size[0] or width < size[1]:
        raise DataError(
            f"{name} has {height} x {width} pixels (height x width), less than a patch of {size[0]} x {size[1]}. "
            "Give a smaller size=, or remove that picture."
        )
    path = PurePosixPath(name)
    draw = np.random.default_rng(
        [height, width, zlib.crc32(str(path.with_suffix("")).encode(errors="surrogateescape"))]
    )
    regions = _regions((height, width), size, 1 if pictures >= MANY else math.ceil(REGIONS / pictures))
    for region, (top, left, bottom, right) in enumerate(regions):
        rows, columns = bottom - top - size[0] + 1, right - left - size[1] + 1
        wanted = count * (region + 1) // len(regions) - count * region // len(regions)
        for place in draw.choice(rows * columns, min(wanted, rows * columns), replace=False):
            row, column = int(top + place // columns), int(left + place % columns)
            patch = pixels[:, row : row + size[0], column : column + size[1]]
            yield patch, str(path.with_name(f"{path.stem}@{row},{column}{path.suffix}")), region


def _regions(sides: tuple[int, int], size: tuple[int, int], wanted: int) -> list[tuple[int, int, int, int]]:
    """Top, left, bottom and right of about as many rectangles as wanted, of at least two patches' sides each."""
    most = [max(1, side // (2 * patch)) for side, patch in zip(sides, size, strict=True)]
    down = min(most[0], wanted, max(1, round(math.sqrt(wanted * sides[0] / sides[1])), math.ceil(wanted / most[1])))
    across = min(most[1], math.ceil(wanted / down))
    rows, columns = (
        np.linspace(0, side, parts + 1).astype(int) for side, parts in zip(sides, (down, across), strict=True)
    )
    return [
        (int(top), int(left), int(bottom), int(right))
        for top, bottom in pairwise(rows)
        for left, right in pairwise(columns)
    ]
