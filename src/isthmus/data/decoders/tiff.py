"""Frames of TIFFs that Pillow can't read or would misread: many bands, floats in colour, planes, ImageJ's stacks."""

import re
import struct
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from PIL import Image

from isthmus.data.decoders.deep import planar
from isthmus.data.decoders.frame import Frame, check_bytes, check_pixels, kept, places, silent
from isthmus.data.options import Options
from isthmus.extras import needs

SAMPLES = 277
"""The tag of the number of channels."""
BANDS = 64
"""The most bands of a page that are channels rather than something else."""


def is_tiff(start: bytes) -> bool:
    """Whether a file begins like a TIFF or a BigTIFF."""
    return start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def needed(file: IO[bytes]) -> str:
    """Why Pillow can't read a TIFF whole; "" if it can."""
    try:
        if _samples(file) > 4:
            return "of many bands"
        Image.preinit()
        if "TIFF" not in Image.OPEN:
            Image.init()
        file.seek(0)
        image: Any = Image.OPEN["TIFF"][0](file, "")
        if planar(image):
            return "of several deep channels, one after the other"
        for number in range(1, image.n_frames):
            image.seek(number)  # its further pages may be of other kinds
        image.seek(0)
        text = str(image.tag_v2.get(270, ""))
        images = re.search(r"^images=(\d+)$", text, re.MULTILINE) if text.startswith("ImageJ=") else None
        return "an ImageJ stack" if images and int(images[1]) > image.n_frames else ""
    except SyntaxError as error:  # Pillow's word for a file that isn't one of its kinds
        return str(error)
    finally:
        file.seek(0)


def _samples(file: IO[bytes]) -> int:
    """The number of channels of the first page. Pillow reports an error of its own if there are very many."""
    file.seek(0)
    head = file.read(16)
    order, big = ("<" if head[:2] == b"II" else ">"), 43 in head[2:4]
    try:
        file.seek(struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0])
        count = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))[0]
        size = 20 if big else 12
        tags = file.read(min(count, 1000) * size)
        for at in range(0, len(tags) - size + 1, size):
            if struct.unpack_from(order + "H", tags, at)[0] == SAMPLES:
                return struct.unpack_from(order + "H", tags, at + size - (8 if big else 4))[0]
    except (struct.error, ValueError, OverflowError, OSError):
        pass  # a damaged file, which its decoder reports
    return 1


def read(file: IO[bytes], called: str, options: Options, reason: str) -> Iterator[Frame]:
    """The frames of a file. reason: why tifffile is needed for it."""
    tifffile = needs("tifffile", "pictures", f"{called} ({reason})")
    with silent("tifffile"), tifffile.TiffFile(file) as opened:
        first = opened.series[0] if opened.is_imagej and opened.series else None
        if first is not None and len(opened.pages) == 1 and len(first.shape) > 2 and first.axes[-2:] == "YX":
            check_bytes(called, first.shape, first.dtype.itemsize, options)
            check_pixels(called, first.shape[-1], first.shape[-2], options)
            values = first.asarray().reshape(-1, *first.shape[-2:])
            for number, place in places(len(values), options):
                yield Frame(kept(values[number])[None], place)
            return
        pages = [page for page in opened.pages if not page.subfiletype & 5] or [opened.pages[0]]
        for number, place in places(len(pages), options):
            page = pages[number]
            check_pixels(called, page.imagewidth, page.imagelength, options)
            check_bytes(called, page.shape, page.dtype.itemsize, options)
            yield Frame(_channels_first(page), place)


def _channels_first(page: Any) -> np.ndarray:
    values, axes = page.asarray(), page.axes
    if axes == "YX":
        return kept(values)[None]
    if axes == "YXS":
        return np.ascontiguousarray(np.moveaxis(kept(values), 2, 0))
    if axes == "SYX" and len(values) <= BANDS:
        return kept(values)
    raise ValueError(f"its axes are {axes}")
