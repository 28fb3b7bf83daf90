"""Converting one decoded picture to the wanted mode, depth and size."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from isthmus.data.decoders.frame import Frame, mode_of
from isthmus.data.options import MODES, Options
from isthmus.errors import DataError
from isthmus.options.reading import Mode

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""The weights of red, green and blue in grey (ITU-R 601-2), as in Pillow."""


class Picture(NamedTuple):
    """One picture. values: `(C, H, W)`, uint8 or float32. depth: bits for each value in its file, after `depth=`."""

    values: np.ndarray
    mode: str
    depth: int
    reduced: bool = False


def converted(frame: Frame, options: Options, called: str) -> Picture:
    """The picture of a frame with the mode, the depth and the size of the options.

    Raises:
        DataError: it can't have that mode or depth.
    """
    pixels, reduced = frame.pixels, False
    wanted = options.depth or options.wanted_depth
    if isinstance(pixels, np.ndarray):
        depth = {"uint8": 8, "uint16": 16}.get(pixels.dtype.name, 32)
        if wanted == 8 and depth > 8:
            if depth == 32:
                raise DataError(
                    f"{called} has values of 32 bits, {_span(pixels)}, which have no full white: depth=8 needs "
                    "pictures of 8 or 16 bits. Leave depth out, or save the picture with 16 bits."
                )
            pixels, depth, reduced = (pixels // 257).astype(np.uint8), 8, True
        if depth == 8 and len(pixels) in MODES:
            pixels = Image.fromarray(np.ascontiguousarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2)))
        else:
            values, mode = _bands(pixels, 65535 if depth == 16 else None, options, called)
            return Picture(values, mode, depth, reduced)
    mode = options.mode or natural_mode(pixels)
    image = _in_mode(pixels, mode)
    if options.size is not None and image.size != options.size[::-1]:
        image = image.resize((options.size[1], options.size[0]), Image.Resampling.BILINEAR)
    values = np.asarray(image, dtype=np.uint8)
    values = values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
    if options.depth == 16:
        return Picture(values.astype(np.float32) * 257, mode, 16)
    return Picture(values, mode, 8, reduced)


def natural_mode(image: Image.Image) -> Mode:
    """The mode that keeps the information of a picture of eight bits."""
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"


def _in_mode(image: Image.Image, mode: Mode) -> Image.Image:
    if natural_mode(image) == "RGBA" and mode != "RGBA":
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == mode else image.convert(mode)


def _bands(values: np.ndarray, white: float | None, options: Options, called: str) -> tuple[np.ndarray, str]:
    """`(C, H, W)` of any depth or number of bands. white: the value of white, if there is one."""
    if options.mode is not None and mode_of(len(values)) != options.mode:
        if len(values) not in MODES:
            raise DataError(
                f"{called} has {len(values)} bands: mode={options.mode!r} is for grey and colour pictures of 1, 3 "
                "or 4. Leave mode out."
            )
        values = _other_mode(values.astype(np.float32), options.mode, white)
    if options.size is not None and values.shape[1:] != options.size:
        kind = np.uint8 if values.dtype == np.uint8 else np.float32
        size = (options.size[1], options.size[0])
        resized = [
            np.asarray(Image.fromarray(band.astype(kind)).resize(size, Image.Resampling.BILINEAR)) for band in values
        ]
        values = np.stack(resized)
    if values.dtype != np.uint8:
        values = values.astype(np.float32)
    elif options.depth == 16:
        values = values.astype(np.float32) * 257
    return values, mode_of(len(values))


def _other_mode(values: np.ndarray, mode: Mode, white: float | None) -> np.ndarray:
    """Grey, colour or colour with opacity `(C, H, W)` float32 in another of these modes."""
    top = np.float32(values.max() if white is None else white)
    if len(values) == 4:
        opacity = values[3] / max(top, np.float32(1))
        values = values[:3] * opacity + top * (1 - opacity)
    if mode == "L":
        return np.tensordot(LUMA, values, 1)[None] if len(values) == 3 else values
    colour = values if len(values) == 3 else np.repeat(values, 3, axis=0)
    return colour if mode == "RGB" else np.concatenate((colour, np.full_like(colour[:1], top)))


def _span(values: np.ndarray) -> str:
    return f"{np.nanmin(values):g} to {np.nanmax(values):g}"
