"""Picture formats by Pillow: how each is written at a quality, and read again."""

import importlib.util
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

JPEG = "JPEG, 4:2:0"


@dataclass(frozen=True)
class Format:
    """A picture format with its settings.

    words: Pillow's words for `save` at a quality. qualities: from coarse to fine; a lossless format has one.
    after: what makes the file smaller without changing the picture.
    """

    name: str
    words: Callable[[float], dict[str, Any]]
    qualities: Sequence[float] = (0,)
    after: Callable[[bytes], bytes] = bytes

    def encode(self, picture: np.ndarray, quality: float = 0) -> bytes:
        """The file of a picture, (H, W) or (H, W, 3) uint8, or (H, W) bool."""
        memory = io.BytesIO()
        Image.fromarray(picture).save(memory, **self.words(quality))
        return self.after(memory.getvalue())


def decode(file: bytes, like: np.ndarray) -> np.ndarray:
    """The picture in a file, with the shape and type of the original: WebP and AVIF turn grey into colours."""
    mode = "1" if like.dtype == bool else "L" if like.ndim == 2 else "RGB"
    return np.asarray(Image.open(io.BytesIO(file)).convert(mode))


def smallest_png(file: bytes) -> bytes:
    """The PNG recoded by oxipng: other filters, fewer bits a pixel, a better deflate."""
    import oxipng  # noqa: PLC0415 an optional peer

    return oxipng.optimize_from_memory(file, level=2, strip=oxipng.StripChunks.all())


def lossless_formats() -> list[Format]:
    """Those that lose nothing; oxipng only where it is installed."""
    formats = [
        Format("PNG", lambda _: {"format": "PNG", "optimize": True}),
        Format("WebP", lambda _: {"format": "WEBP", "lossless": True, "quality": 100, "method": 6}),
        Format("JPEG 2000", lambda _: {"format": "JPEG2000", "irreversible": False, "no_jp2": True}),
    ]
    if importlib.util.find_spec("oxipng"):
        formats.insert(1, Format("PNG, oxipng", lambda _: {"format": "PNG"}, after=smallest_png))
    return formats


def lossy_formats() -> list[Format]:
    """Those that lose something, one thread each; AVIF at the speed that Pillow's users get."""
    jpeg = {"format": "JPEG", "optimize": True}
    avif = {"format": "AVIF", "speed": 6, "max_threads": 1}
    steps, few = tuple(range(5, 100, 10)), (15, 30, 45, 60, 75, 90)
    return [
        Format(JPEG, lambda quality: {**jpeg, "quality": round(quality), "subsampling": "4:2:0"}, steps),
        Format("WebP", lambda quality: {"format": "WEBP", "quality": round(quality), "method": 6}, (0, *steps)),
        Format("AVIF", lambda quality: {**avif, "quality": round(quality), "subsampling": "4:2:0"}, few),
        Format("JPEG 2000", _jpeg_2000, tuple(range(22, 47, 4))),
        Format("JPEG, 4:4:4", lambda quality: {**jpeg, "quality": round(quality), "subsampling": "4:4:4"}, steps),
        Format("AVIF, 4:4:4", lambda quality: {**avif, "quality": round(quality), "subsampling": "4:4:4"}, few),
    ]


def _jpeg_2000(quality: float) -> dict[str, Any]:
    """The bare codestream, which is smaller than a .jp2; the quality is the PSNR that the encoder aims at, in dB."""
    return {
        "format": "JPEG2000",
        "quality_mode": "dB",
        "quality_layers": [quality],
        "irreversible": True,
        "no_jp2": True,
        "mct": 1,  # else the three colours are coded apart; Pillow's default
    }


def largest_within(form: Format, picture: np.ndarray, budget: int) -> tuple[int, bytes] | None:
    """The highest whole quality whose file has at most `budget` bytes, and this file; None if none has.

    By bisection between the format's coarsest and finest qualities.
    """
    low, high = round(min(form.qualities)), round(max(form.qualities))
    best = None
    while low <= high:
        middle = (low + high) // 2
        file = form.encode(picture, middle)
        if len(file) <= budget:
            best, low = (middle, file), middle + 1
        else:
            high = middle - 1
    return best


def payload(file: bytes) -> int:
    """The bytes of a file without headers and tables, a limit that no real file reaches.

    Raises:
        ValueError: it is no JPEG, WebP, JPEG 2000 codestream or AVIF.
    """
    if file[:2] == b"\xff\xd8":  # JPEG: what follows the start of scan, without the end marker
        begin = file.index(b"\xff\xda")
        return len(file) - begin - 2 - int.from_bytes(file[begin + 2 : begin + 4], "big") - 2
    if file[:2] == b"\xff\x4f":  # JPEG 2000: between the start of data and the end marker
        return len(file) - file.index(b"\xff\x93") - 4
    if file[:4] == b"RIFF":  # WebP: the first chunk
        return int.from_bytes(file[16:20], "little")
    if file[4:8] == b"ftyp":  # AVIF: the box of media data
        return len(file) - file.index(b"mdat") - 4
    raise ValueError("The file is no JPEG, WebP, JPEG 2000 codestream or AVIF.")
