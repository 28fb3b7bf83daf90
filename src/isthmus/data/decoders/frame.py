"""Frame: one picture of a file, decoded but not yet converted or resized."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from isthmus.data.options import MODES, Options
from isthmus.errors import DataError


@dataclass(frozen=True)
class Frame:
    """One picture of a file.

    pixels: a Pillow picture of eight bits, or `(C, H, W)` of uint8, uint16 or float32.
    place: its number in the file, from 0; None if the file has no other.
    group: what the picture shows, such as a patient, if the file says so: other files may show it too.
    note: what the user should know of the file, as a remark.
    """

    pixels: Image.Image | np.ndarray
    place: int | None = None
    group: str | None = None
    note: str = ""


@contextlib.contextmanager
def silent(logger: str) -> Iterator[None]:
    """Within the block, a library doesn't log what it finds odd in a file."""

    def none(record: logging.LogRecord) -> bool:
        return False

    chosen = logging.getLogger(logger)
    chosen.addFilter(none)
    try:
        yield
    finally:
        chosen.removeFilter(none)


def check_pixels(called: str, width: int, height: int, options: Options) -> None:
    """Raise DataError if a picture of this size has too many pixels. Call it before the picture is decoded."""
    if width * height > options.max_pixels:
        raise DataError(
            f"{called} has {width} x {height} pixels: expected at most max_pixels={options.max_pixels}. "
            "If you trust it, raise max_pixels."
        )


def check_bytes(called: str, shape: Sequence[int], itemsize: int, options: Options) -> None:
    """Raise DataError if a whole file of values takes too many bytes. Call it before the file is decoded."""
    needed = int(np.prod([int(side) for side in shape], dtype=object)) * itemsize
    if needed > options.max_bytes:
        raise DataError(
            f"{called} unpacks to {needed} bytes: expected at most max_bytes={options.max_bytes}. "
            "If you trust it, raise max_bytes."
        )


def places(count: int, options: Options) -> list[tuple[int, int | None]]:
    """The numbers of the frames to decode of `count`, each also as the frame's place (see `Frame`)."""
    if count == 1:
        return [(0, None)]
    chosen = [0] if options.frames == "first" else range(0, count, whole_step(options))
    return [(number, number) for number in chosen]


def whole_step(options: Options) -> int:
    """From one frame to the next: `options.step`.

    Raises:
        DataError: it isn't a whole number.
    """
    step = 1 if options.step is None else options.step
    if step != int(step):
        raise DataError(f"step={step} is not a number of frames: expected a whole number, such as step=10.")
    return int(step)


def kept(values: np.ndarray) -> np.ndarray:
    """Values in the type that keeps them in a frame: uint8, uint16, or float32 for the rest."""
    if values.dtype in (np.uint8, np.bool_):
        return values.astype(np.uint8)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return values.astype(np.uint16)
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def mode_of(channels: int) -> str:
    """The name of the mode of a picture with so many channels."""
    return MODES.get(channels, f"{channels} bands")
