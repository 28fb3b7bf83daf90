"""Frames of the formats that Pillow decodes."""

import importlib
import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any

import numpy as np
from PIL import Image, ImageOps

from isthmus.data.decoders import tiff
from isthmus.data.decoders.deep import avif_depth, avif_values, deep_values, is_deep
from isthmus.data.decoders.frame import Frame, check_pixels, places
from isthmus.data.options import Options

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
BY_SUFFIX = {".tga": "TGA"}
"""Formats that don't say what they are."""
SEVERAL = ("PNG", "WEBP", "GIF", "TIFF", "AVIF")
"""Formats whose further pictures are frames; those of a JPEG are its previews."""
TURNED = ("JPEG", "MPO", "TIFF", "WEBP", "PNG", "AVIF")
"""Formats whose EXIF may have an orientation."""
ORIENTATION = 0x0112
ELSEWHERE = (
    ("dicom", 128, b"DICM"),
    ("fits", 0, b"SIMPLE  ="),
    ("heif", 4, (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc")),
)
"""Files of other decoders under any name: the module, and the bytes that a file has at this place."""
WHOLE = 2**24
"""Bytes; a larger file is read while it is decoded, so that a false picture takes no memory."""
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda x: x[..., ::-1],
    3: lambda x: x[..., ::-1, ::-1],
    4: lambda x: x[..., ::-1, :],
    5: lambda x: x.swapaxes(-1, -2),
    6: lambda x: x.swapaxes(-1, -2)[..., ::-1],
    7: lambda x: x[..., ::-1, ::-1].swapaxes(-1, -2),
    8: lambda x: x.swapaxes(-1, -2)[..., ::-1, :],
}
"""By EXIF's orientation: how to turn (C, H, W) upright."""


def read(file: IO[bytes], called: str, options: Options) -> Iterator[Frame]:
    """The frames of a file."""
    start = file.read(WHOLE)
    if len(start) < WHOLE:  # `zipfile` has now checked its sum
        file = io.BytesIO(start)
    if other := next((module for module, at, words in ELSEWHERE if start[at:].startswith(words)), None):
        file.seek(0)
        yield from importlib.import_module(f"isthmus.data.decoders.{other}").read(file, called, options)
        return
    if tiff.is_tiff(start) and (reason := tiff.needed(file)):
        yield from tiff.read(file, called, options, reason)
        return
    if start[4:12] in (b"ftypavif", b"ftypavis") and avif_depth(start[: 2**16]) > 8:
        width, height = _opened(file, start, called).size
        check_pixels(called, width, height, options)
        file.seek(0)
        values = avif_values(file.read())
        for number, place in places(len(values), options):
            yield Frame(values[number], place)
        return
    yield from frames(_opened(file, start, called), called, options, partial(_opened, file, start, called))


def frames(image: Image.Image, called: str, options: Options, again: Any = None) -> Iterator[Frame]:
    """The frames of an opened picture. again: opens it once more; None if only the picture itself is known."""
    if again is None and getattr(image, "tile", None) and getattr(image, "fp", None):
        again = partial(_reopened, image)
    several = image.format in SEVERAL
    shown = list(range(getattr(image, "n_frames", 1))) if several else [0]
    if image.format == "TIFF" and len(shown) > 1:
        shown = [number for number in shown if not _aside(image, number)] or [0]
    for number, place in places(len(shown), options):
        if image.tell() != shown[number]:
            image.seek(shown[number])
        check_pixels(called, *image.size, options)
        yield Frame(_pixels(image, shown[number], again), place)


def _aside(image: Image.Image, number: int) -> bool:
    """Whether a page of a TIFF is a preview or a mask of another one."""
    image.seek(number)
    return bool(image.tag_v2.get(254, 0) & 5)  # pyright: ignore[reportAttributeAccessIssue]  # of a TIFF


def _pixels(image: Image.Image, number: int, again: Callable[[], Image.Image] | None) -> Image.Image | np.ndarray:
    deep = image.mode.startswith(("I", "F")) or (again is not None and is_deep(image))
    if deep and image.format == "PNG":
        image.info.setdefault("exif", b"")  # or Pillow decodes all of it to look for one behind the pixels
    turn = image.getexif().get(ORIENTATION, 1) if image.format in TURNED else 1
    if deep:

        def reopened() -> Image.Image:
            assert again is not None  # or the picture isn't of several deep channels
            other = again()
            if number:
                other.seek(number)
            return other

        values = deep_values(image, reopened)
        by_pillow = image.format == "TIFF"  # which turns these while it decodes them
        return np.ascontiguousarray(TURNS.get(1 if by_pillow else turn, lambda x: x)(values))
    if turn != 1:
        image = ImageOps.exif_transpose(image)
    image.load()
    return image.copy() if number or getattr(image, "n_frames", 1) > 1 else image


def _reopened(image: Any) -> Image.Image:
    """A picture that isn't decoded yet, opened once more."""
    at = image.fp.tell()
    image.fp.seek(0)
    content = image.fp.read()
    image.fp.seek(at)
    return _opened(io.BytesIO(content), content[:WHOLE], str(getattr(image, "filename", "")))


def _opened(file: IO[bytes], start: bytes, called: str) -> Image.Image:
    """The picture, without decoding its pixels. A large file is only loaded as far as its decoder needs.

    `Image.open` isn't used, because its own limit on pixels is set for the whole process.
    """
    file = io.BytesIO(start) if len(start) < WHOLE else file
    file.seek(0)
    Image.preinit()
    of_suffix = next((format for suffix, format in BY_SUFFIX.items() if called.lower().endswith(suffix)), None)
    formats = (*FORMATS, of_suffix) if of_suffix else FORMATS
    if any(format not in Image.OPEN for format in formats):
        Image.init()
    for format in formats:
        factory, accept = Image.OPEN[format]
        if accept is None or accept(start[:16]) is True:
            return factory(file, "")
    raise ValueError("it begins like none of " + ", ".join(FORMATS))
