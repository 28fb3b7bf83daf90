"""More than eight bits: all levels of pictures that Pillow would reduce to eight bits."""

import io
import re
import struct
import zlib
from typing import IO, Any

import numpy as np
from PIL import Image

from isthmus.extras import needs

_SWAPPED = {"16B": "16L", "16L": "16B", "16N": "16B" if np.little_endian else "16L"}
"""Pillow keeps the high byte of each value; with the bytes in the other order, it keeps the low one."""


def is_deep(image: Image.Image) -> bool:
    """Whether an opened picture that isn't decoded has more than eight bits for each value."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return True
    return bool(_raw_mode(image)) or _deep_netpbm(image) or _deep_jpeg2000(image)


def deep_values(image: Image.Image, again: Any) -> np.ndarray:
    """`(C, H, W)` uint16 or float32 of a picture that `is_deep`.

    again: opens the same frame of the same file once more, undecoded.
    """
    if _deep_netpbm(image):
        return _netpbm(image)
    if image.mode in ("I", "F"):
        return np.asarray(image).astype(np.float32)[None]
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[None]
    if _deep_jpeg2000(image):
        return _imagecodecs(image, "jpeg2k_decode", "JPEG 2000 of 16 bits in colour")
    raw = _raw_mode(image)
    if raw.startswith("LA"):
        return _imagecodecs(image, "png_decode", "PNG of 16 bits with transparency")
    low = again()
    low.tile = [tile._replace(args=_swapped(tile.args)) for tile in low.tile]
    high = np.asarray(image).astype(np.uint16)
    return np.moveaxis(high << 8 | np.asarray(low), 2, 0)


def planar(image: Image.Image) -> bool:
    """Whether it is a TIFF of several deep channels, one after the other, which Pillow misreads."""
    tags: Any = getattr(image, "tag_v2", None)
    return bool(tags) and tags.get(284, 1) == 2 and max(tags.get(258, (8,))) > 8


def _raw_mode(image: Image.Image) -> str:
    """The arrangement of the bytes of a deep colour picture; "" for another."""
    args = image.tile[0].args if getattr(image, "tile", None) else ""  # pyright: ignore[reportAttributeAccessIssue]
    raw = args[0] if isinstance(args, tuple) and args else args
    return raw if isinstance(raw, str) and re.fullmatch(r"(LA|RGB|RGBA|RGBX|RGBa);16[BLN]", raw) else ""


def _swapped(args: Any) -> Any:
    raw = args[0] if isinstance(args, tuple) else args
    other = raw[:-3] + _SWAPPED[raw[-3:]]
    return (other, *args[1:]) if isinstance(args, tuple) else other


def _file(image: Image.Image) -> IO[bytes]:
    return image.fp  # pyright: ignore[reportAttributeAccessIssue]  # of any picture from a file


def _deep_netpbm(image: Image.Image) -> bool:
    return image.format == "PPM" and _netpbm_head(_head(image)) is not None


def _head(image: Image.Image, size: int = 2048) -> bytes:
    file = _file(image)
    at = file.tell()
    file.seek(0)
    head = file.read(size)
    file.seek(at)
    return head


def _netpbm_head(head: bytes) -> tuple[bytes, int, int, int, int] | None:
    """The kind, the width, the height, the largest value and the start of the values of a deep PGM or PPM."""
    blank = rb"(?:\s|#[^\n]*\n)+"
    found = re.match(rb"(P[2356])" + blank + rb"(\d+)" + blank + rb"(\d+)" + blank + rb"(\d+)\s", head)
    if found is None or not 255 < int(found[4]) < 65536:
        return None
    return found[1], int(found[2]), int(found[3]), int(found[4]), found.end()


def _netpbm(image: Image.Image) -> np.ndarray:
    found = _netpbm_head(_head(image))
    assert found is not None
    kind, width, height, most, start = found
    channels = 3 if kind in (b"P3", b"P6") else 1
    count = width * height * channels
    file = _file(image)
    file.seek(start)
    if kind in (b"P2", b"P3"):
        words = re.sub(rb"#[^\n]*", b"", file.read(count * 8 + 2**16)).split()[:count]
        values = np.array(words, dtype=np.int64)
    else:
        values = np.frombuffer(file.read(2 * count), ">u2")
    if len(values) < count:
        raise ValueError(f"it has {len(values)} of {count} values")
    if values.max() > most:
        raise ValueError(f"its values exceed {most}")
    return np.moveaxis(values.astype(np.uint16).reshape(height, width, channels), 2, 0)


def _deep_jpeg2000(image: Image.Image) -> bool:
    if image.format != "JPEG2000" or image.mode.startswith("I"):
        return False
    head = _head(image, 2**16)
    at = head.find(b"\xff\x4f\xff\x51")  # start of the codestream and its SIZ
    return at >= 0 and len(head) > at + 42 and (head[at + 42] & 0x7F) + 1 > 8


def _imagecodecs(image: Image.Image, decoder: str, what: str) -> np.ndarray:
    codecs = needs("imagecodecs", "pictures", what)
    file = _file(image)
    file.seek(0)
    values = getattr(codecs, decoder)(file.read())
    if values.ndim == 3 and values.shape[2] == 2:  # grey with opacity
        values = values[..., [0, 0, 0, 1]]
    return np.moveaxis(values, 2, 0) if values.ndim == 3 else values[None]


def avif_depth(head: bytes) -> int:
    """The bits for each value of an AVIF, from the first bytes of its file."""
    at = head.find(b"av1C")
    flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def avif_values(content: bytes) -> np.ndarray:
    """(frames, C, H, W) uint16 of an AVIF of 10 or 12 bits, which become the highest of 16."""
    codecs = needs("imagecodecs", "pictures", "AVIF of more than 8 bits")
    values = np.atleast_3d(codecs.avif_decode(content)).astype(np.uint16) << (16 - avif_depth(content[: 2**16]))
    values = values if values.ndim == 4 else values[None]
    return np.moveaxis(values, 3, 1)


def write_deep(values: np.ndarray, suffix: str) -> bytes:
    """A picture `(C, H, W)` of uint16 or float32 as the content of a file: .png, .tif, .tiff, .pgm or .ppm."""
    if suffix in (".tif", ".tiff"):
        return _tiff(values)
    if suffix in (".pgm", ".ppm"):
        kind = {1: b"P5", 3: b"P6"}[len(values)]
        head = b"%s\n%d %d\n65535\n" % (kind, values.shape[2], values.shape[1])
        return head + np.moveaxis(values, 0, 2).astype(">u2").tobytes()
    return _png(values)


def _tiff(values: np.ndarray) -> bytes:
    memory = io.BytesIO()
    if len(values) == 1:
        Image.fromarray(np.ascontiguousarray(values[0])).save(memory, "TIFF", compression="tiff_adobe_deflate")
    else:
        tifffile = needs("tifffile", "pictures", "Writing TIFF of more than 8 bits in colour")
        kind = "rgb" if len(values) in (3, 4) else "minisblack"
        extra = {"extrasamples": ["unassalpha"]} if len(values) == 4 else {}
        about = {"photometric": kind, "planarconfig": "contig", "compression": "zlib", "metadata": None}
        tifffile.imwrite(memory, np.moveaxis(values, 0, 2), **about, **extra)
    return memory.getvalue()


def _png(values: np.ndarray) -> bytes:
    """A PNG of 16 bits; Pillow writes only grey ones.

    Source: Portable Network Graphics Specification (W3C, third edition), sections 5 and 9.
    """
    channels, height, width = values.shape
    rows = np.ascontiguousarray(np.moveaxis(values, 0, 2), ">u2").view(np.uint8).reshape(height, width * channels * 2)
    up = rows.copy()
    up[1:] -= rows[:-1]  # filter 2: the difference from the row above
    lines = np.concatenate((np.full((height, 1), 2, np.uint8), up), axis=1)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines.tobytes()))
        + chunk(b"IEND", b"")
    )
