"""Pictures: decoded from files to uint8 `(N, C, H, W)`, all of one size and mode, within limits."""

import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from isthmus.data.entries import Entry, UnreadableError, has_suffix, labels_of, parts_of
from isthmus.data.options import Options, as_wanted
from isthmus.data.patches import cut
from isthmus.data.raw import Raw
from isthmus.errors import DataError, remark
from isthmus.formatting import listed
from isthmus.options.reading import Mode

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
TURNED = ("JPEG", "MPO", "TIFF", "WEBP")  # formats whose EXIF may have an orientation
ORIENTATION = 0x0112
WHOLE = 2**24
"""Bytes; a larger file is read while it is decoded, so that a false picture takes no memory."""


def is_picture(name: str) -> bool:
    """Whether a file has a picture's suffix and isn't hidden."""
    return has_suffix(name, SUFFIXES)


def read_pictures(entries: Sequence[Entry], options: Options, where: str) -> Raw:
    """All `entries` as one set, or their patches. The first folder of each path is its label.

    Folders `train` and `test` (and `val`) at the top are parts, and the folders below them are the labels.

    Raises:
        DataError: a picture can't be read, is too large, or has another size or mode than the first one.
    """
    divided = parts_of(entries)
    if divided is None:
        return _read_part(sorted(entries, key=lambda entry: entry.name), options, where, depth=0)
    parts = {name: _read_part(part, options, where, depth=1) for name, part in divided.items()}
    train = parts.pop("train")
    return replace(train, parts=parts)


def picture_pieces(
    entries: Sequence[Entry], options: Options, where: str, size: int, unreadable: list[str]
) -> Iterator[Raw]:
    """The same in the same order, about `size` at a time; `unreadable` collects the names of unreadable pictures."""
    size = max(1, size // (options.patches or 1))
    divided = parts_of(entries)
    in_order = divided or {"train": sorted(entries, key=lambda entry: entry.name)}
    for part in in_order.values():
        for start in range(0, len(part), size):
            found: list[str] = []
            chosen, depth = part[start : start + size], 0 if divided is None else 1
            raw = _read_part(chosen, options, where, depth, found, len(part))
            unreadable += found
            if len(raw.values):
                yield raw


def decode(content: IO[bytes] | Image.Image, called: str, options: Options) -> tuple[np.ndarray, str]:
    """Decode an open file or a Pillow picture to `(C, H, W)` uint8, resized and converted; and its mode.

    Sixteen bits become eight. Transparent pixels are put on white if the wanted mode has no transparency. Only the
    first of several frames is used. EXIF's orientation is applied.

    Raises:
        UnreadableError: it isn't a picture, or is cut short.
        DataError: it has more pixels than allowed.
    """
    try:
        image = content if isinstance(content, Image.Image) else _opened(content)
        width, height = image.size
        if width * height > options.max_pixels:
            raise DataError(
                f"{called} has {width} x {height} pixels: expected at most max_pixels={options.max_pixels}. "
                "If you trust it, raise max_pixels."
            )
        if image.format in TURNED and image.getexif().get(ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
        mode = options.mode or _natural_mode(image)
        image = _converted(image, mode)
        if options.size is not None and image.size != options.size[::-1]:
            image = image.resize((options.size[1], options.size[0]), Image.Resampling.BILINEAR)
        values = np.asarray(image, dtype=np.uint8)
    except DataError:
        raise
    except Exception as error:  # decoders of foreign bytes raise whatever they please
        said = " ".join(str(error).split())[:100]
        raise UnreadableError(
            f"{called} can't be read as a picture ({said}). Download it again, or remove it."
        ) from error
    return values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0), mode


def _read_part(
    entries: Sequence[Entry],
    options: Options,
    where: str,
    depth: int,
    skipped: list[str] | None = None,
    together: int | None = None,
) -> Raw:
    """Pictures as one set. `skipped` collects the names of unreadable pictures; without it, they are reported.

    together: the number of pictures in the whole set, if these are only some of them.
    """
    values, first, kept, unreadable = np.empty(0, np.uint8), "", [], []
    regions: list[tuple[int, int]] = []
    whole = options if options.patches is None else replace(options, size=None, patches=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders warn of odd metadata, which isn't used here
        for number, entry in enumerate(entries):
            try:
                with entry.open() as file:
                    pixels, mode = decode(file, entry.name, whole)
            except UnreadableError:
                unreadable.append(entry.name)
                continue
            for piece, name, region in _pieces(pixels, entry.name, options, together or len(entries)):
                if not kept:
                    values, first = _room(len(entries) * (options.patches or 1), piece, options, where), mode
                else:
                    _same((kept[0], values[0], first), (name, piece, mode), options)
                values[len(kept)] = piece
                kept.append(name)
                regions.append((number, region))
    if skipped is not None:
        skipped += unreadable
    elif unreadable:
        _tell_unreadable(unreadable, len(entries), where, options)
    labels = labels_of(kept, depth)
    groups = None if options.patches is None else np.unique(regions, axis=0, return_inverse=True)[1].ravel()
    return Raw(values[: len(kept)], labels, names=tuple(kept), kind="pictures", channels_first=True, groups=groups)


def _pieces(pixels: np.ndarray, name: str, options: Options, together: int) -> Iterable[tuple[np.ndarray, str, int]]:
    """The patches of a picture, or the picture itself, with names and regions."""
    if options.patches is None or options.size is None:
        return [(pixels, name, 0)]
    return cut(pixels, name, options.patches, options.size, together)


def _room(count: int, pixels: np.ndarray, options: Options, where: str) -> np.ndarray:
    needed = count * pixels.size
    if needed > options.max_bytes:
        raise DataError(
            f"{where} needs {needed} bytes for {count} pictures of {_size(pixels)}: expected at most "
            f"max_bytes={options.max_bytes}. Raise max_bytes, or give a smaller size=(height, width)"
            f"{' or fewer patches' if options.patches else ''}."
        )
    return np.empty((count, *pixels.shape), np.uint8)


def _same(one: tuple[str, np.ndarray, str], other: tuple[str, np.ndarray, str], options: Options) -> None:
    """Pass where two pictures (name, pixels, mode) have one size and mode."""
    (first, before, first_mode), (name, pixels, mode) = one, other
    if (before.shape, first_mode) == (pixels.shape, mode):
        return
    words = as_wanted((before.shape, pixels.shape), options.wanted) if len(options.wanted) == 3 else ""
    if words:
        raise DataError(
            f"{first} is {first_mode} of {_size(before)}, but {name} is {mode} of {_size(pixels)}: expected pictures "
            f"of the size and mode of the model's training data. Read them with {words}."
        )
    if pixels.shape[1:] != before.shape[1:]:
        raise DataError(
            f"{first} has {_size(before)}, but {name} has {_size(pixels)}: all pictures of a set need one size. "
            f"Resize them with size={before.shape[1:]}, for example, or cut 100 pieces of that size from each with "
            "patches=100."
        )
    raise DataError(
        f"{first} has mode {first_mode}, but {name} has {mode}: all pictures of a set need one mode. "
        "Convert them with mode='L' (grey) or mode='RGB'."
    )


def _tell_unreadable(names: list[str], count: int, where: str, options: Options) -> None:
    shown = listed(names)
    if options.missing != "drop":
        raise DataError(
            f"{where}: {len(names)} of {count} pictures can't be read ({shown}): they are damaged or not pictures. "
            "Repair them, or set missing='drop' to leave them out."
        )
    if len(names) == count:
        raise DataError(f"{where}: none of its {count} pictures can be read ({shown}): expected at least one.")
    remark(f"{where}: {len(names)} of {count} pictures can't be read and are left out: {shown}.")


def _opened(file: IO[bytes]) -> Image.Image:
    """The picture, without decoding its pixels. A large file is only loaded as far as its decoder needs.

    `Image.open` isn't used, because its own limit on pixels is set for the whole process.
    """
    start = file.read(WHOLE)
    if len(start) < WHOLE:  # `zipfile` has now checked its sum
        file = io.BytesIO(start)
    else:
        file.seek(0)
    Image.preinit()
    if any(format not in Image.OPEN for format in FORMATS):
        Image.init()
    for format in FORMATS:
        factory, accept = Image.OPEN[format]
        if accept is None or accept(start[:16]) is True:
            return factory(file, "")
    raise ValueError("it begins like none of " + ", ".join(FORMATS))


def _natural_mode(image: Image.Image) -> Mode:
    """The mode that keeps the picture's information in eight bits."""
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        return "RGBA"
    return "L" if image.mode in ("1", "L") or image.mode.startswith("I;16") else "RGB"


def _converted(image: Image.Image, mode: Mode) -> Image.Image:
    if image.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits; save such pictures as .npy")
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint16)
        image = Image.fromarray((deep // 257).astype(np.uint8))
    if _natural_mode(image) == "RGBA" and mode != "RGBA":
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == mode else image.convert(mode)


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[2]} (height x width)"
