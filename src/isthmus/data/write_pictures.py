"""Writing files of one sample each atomically, such as PNGs: one file, a folder or a zip."""

import contextlib
import io
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from isthmus.data.decoders.deep import write_deep
from isthmus.data.entries import has_suffix
from isthmus.data.options import MODES
from isthmus.data.picture_formats import WRITTEN, format_of
from isthmus.errors import DataError
from isthmus.extras import needs
from isthmus.plain import utf8
from isthmus.storage.files import unwritable, whole_file
from isthmus.storage.replacing import finish_swap, put_folder
from isthmus.storage.temporary import name_beside

Write = Callable[[np.ndarray, Sequence[str]], None]
"""Takes samples and their names."""
Encode = Callable[[np.ndarray], bytes]
"""The content of the file of one sample."""
OPAQUE = (".jpg", ".jpeg", ".bmp", ".ppm", ".pgm")
"""Formats without transparency."""
SUFFIX = re.compile(r"\.\w+")
"""Of a name that is a file's, unlike "a.mid@bar 3"."""


def as_pixels(values: np.ndarray, like: Mapping[str, Any] | None, called: str, suffix: str) -> np.ndarray:
    """`(N, C, H, W)` of the type that pictures are written in: that of the model's data if the format can hold it.

    uint16, rounded and clipped, if the data had 16 bits for each value; float32 in a TIFF if they had 32; otherwise
    uint8 (see `as_bytes`). For the arguments and the errors see there.

    suffix: of the format; "" or .zip for files in a folder.
    """
    depth = (like or {}).get("depth", 8)
    suffix = suffix_in(suffix, like)
    format = format_of(f"a{suffix}")
    if format is None or not format.deep or depth == 8 or (depth == 32 and format.name != "TIFF"):
        return as_bytes(values, like, called)
    pictures = _checked(values, called, most=None if format.name == "TIFF" else 4).astype(np.float32)
    if depth == 32:
        return pictures
    if not np.isfinite(pictures).all():
        raise DataError(f"The pictures for {called} have NaN or infinite values: expected 0 to 65535.")
    return np.clip(np.rint(pictures), 0, 65535).astype(np.uint16)


def suffix_in(suffix: str, like: Mapping[str, Any] | None) -> str:
    """The suffix of each picture of a folder or zip ("" or .zip): .tiff for floats, .png for the rest; others as is."""
    if suffix not in ("", ".zip"):
        return suffix
    floats = like is not None and like.get("kind") == "pictures" and like.get("depth") == 32
    return ".tiff" if floats else ".png"


def as_bytes(values: np.ndarray, like: Mapping[str, Any] | None, called: str) -> np.ndarray:
    """`(N, C, H, W)` uint8 from pictures `(N, C, H, W)` or `(N, H, W)`: rounded, and clipped to 0..255.

    like: description of a model's data; if those were floats, their range becomes 0 to 255.

    Raises:
        DataError: the shape isn't a picture's, or some values are not finite.
    """
    pictures = _checked(values, called, most=4)
    if pictures.dtype == np.uint8:
        return pictures
    pictures = pictures.astype(np.float32 if pictures.dtype != np.float64 else np.float64, copy=False)
    if not np.isfinite(pictures).all():
        raise DataError(f"The pictures for {called} have NaN or infinite values: expected 0 to 255.")
    if like is not None and like.get("dtype") in ("float32", "float64"):
        low, high = _bounds(like)
        pictures = (pictures - low) * (255 / (high - low))
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)


def _checked(values: np.ndarray, called: str, most: int | None) -> np.ndarray:
    pictures = values[:, None] if values.ndim == 3 else values
    if pictures.ndim != 4 or (most is not None and pictures.shape[1] not in MODES):
        raise DataError(
            f"{called} needs pictures, but the values have shape {values.shape}: expected (N, C, height, width) with C "
            "of 1, 3 or 4. Write them as .npy, .csv or .parquet."
        )
    return pictures


@contextlib.contextmanager
def write_picture(path: Path, count: int | None) -> Iterator[Write]:
    """One picture, `(1, C, H, W)`, in the format of the path's suffix.

    Raises:
        DataError: there are more, or the format has no such mode.
    """
    with write_file(partial(picture_file, suffix=path.suffix.lower()), path, count, "picture") as write:
        yield write


def picture_file(picture: np.ndarray, suffix: str, **how: Any) -> bytes:
    """The content of the file of a picture, `(C, H, W)` uint8, or uint16 or float32 where the format has them.

    how: options of the format's encoder, such as quality=95.

    Raises:
        DataError: the format has no such mode.
    """
    if picture.dtype != np.uint8:
        return write_deep(picture, suffix)
    image, memory = _image(picture), io.BytesIO()
    if image.mode == "RGBA" and suffix in OPAQUE:
        raise DataError(f"{suffix} can't store the picture's transparency: write it as .png.")
    format = format_of(f"a{suffix}")
    if format is not None and format.name == "HEIC":
        needs("pillow_heif", "pictures", f"Writing {suffix}").from_pillow(image).save(memory, **how)
    else:
        Image.preinit()
        if suffix not in Image.EXTENSION:
            Image.init()
        image.save(memory, format=Image.EXTENSION[suffix], **how)
    return memory.getvalue()


def png(picture: np.ndarray) -> bytes:
    """The PNG of a picture, `(C, H, W)` uint8 or uint16."""
    return picture_file(picture, ".png")


@contextlib.contextmanager
def write_file(encode: Encode, path: Path, count: int | None, what: str = "sample") -> Iterator[Write]:
    """One sample as one file.

    Raises:
        DataError: there are more.
    """
    with whole_file(path) as beside:
        written = 0

        def write(samples: np.ndarray, names: Sequence[str]) -> None:
            nonlocal written
            written += len(samples)
            _check_one(path, max(written, count or 0), what)
            beside.write_bytes(encode(samples[0]))

        yield write


@contextlib.contextmanager
def write_zip(path: Path, count: int | None, encode: Encode = png, suffix: str = ".png") -> Iterator[Write]:
    """Samples as a zip of files with this suffix; by default pictures, `(N, C, H, W)` uint8, as PNGs."""
    with whole_file(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:  # PNG is packed
        places = _Places(count, suffix)

        def write(samples: np.ndarray, names: Sequence[str]) -> None:
            for place, sample in zip(places.next(names, len(samples)), samples, strict=True):
                dateless = zipfile.ZipInfo(utf8(place).replace("\\", "%"))  # equal samples make equal zips
                archive.writestr(dateless, encode(sample))

        yield write


@contextlib.contextmanager
def write_folder(path: Path, count: int | None, encode: Encode = png, suffix: str = ".png") -> Iterator[Write]:
    """Samples as files with this suffix in a folder that appears when it is complete; by default pictures as PNGs.

    An existing folder is replaced if it contains only such files: any pictures, or files with this suffix.

    Raises:
        DataError: it contains something else.
        IsthmusError: it could not be written; no partial folder is left.
    """
    path = path.absolute()  # so that it has a name, unlike "."
    finish_swap(path)
    if path.exists():
        _check_replaceable(path, suffix)
    places = _Places(count, suffix)
    try:
        ready = name_beside(path)
        ready.mkdir()
    except OSError as error:
        raise unwritable(path, error) from error

    def write(samples: np.ndarray, names: Sequence[str]) -> None:
        for place, sample in zip(places.next(names, len(samples)), samples, strict=True):
            target = ready / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encode(sample))

    try:
        yield write
        if any(ready.iterdir()):
            put_folder(ready, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        shutil.rmtree(ready, ignore_errors=True)


def _bounds(like: Mapping[str, Any]) -> tuple[float, float]:
    """The raw values of black and white in float data."""
    scaling = like.get("scaling") or {}
    if scaling.get("kind") == "minmax":
        return scaling["shift"], scaling["shift"] + scaling["scale"]
    return (0.0, 255.0) if scaling.get("kind") == "bytes" or not scaling.get("range") else (0.0, 1.0)


def _image(picture: np.ndarray) -> Image.Image:
    mode = MODES[len(picture)]
    pixels = picture[0] if mode == "L" else np.moveaxis(picture, 0, 2)
    return Image.fromarray(np.ascontiguousarray(pixels), mode=None)


def _check_one(path: Path, count: int, what: str = "sample") -> None:
    if count != 1:
        raise DataError(f"{path} holds one {what}, not {count}: write a folder (no suffix) or a .zip.")


_WINDOW = re.compile(r"(.+)\.\w{1,5}@([^/]+)")
"""The name of a part of a file, such as talk.wav@12.50s, which becomes talk@12.50s.wav."""


class _Places:
    """Each sample's path below the folder: never outside of it, never the same path twice."""

    def __init__(self, count: int | None, suffix: str) -> None:
        self.suffix = suffix
        self.digits = 8 if count is None else max(5, len(str(count - 1)))
        self.numbered = 0
        self.names: set[str] = set()
        self.taken: set[str] = set()

    def next(self, names: Sequence[str], count: int) -> list[str]:
        """The paths of the next `count` samples, by their names or else by their numbers."""
        if names:
            return [self._of(name) for name in names]
        self.numbered += count
        return [f"{number:0{self.digits}}{self.suffix}" for number in range(self.numbered - count, self.numbered)]

    def _of(self, name: str) -> str:
        plain = PurePosixPath(name)
        if plain.is_absolute() or ".." in plain.parts or not plain.name or any(c in name for c in "\\:\0"):
            raise DataError(f"The name {name[:60]!r} isn't a path below a folder: expected one such as label/a.png.")
        window = _WINDOW.fullmatch(name)
        replaced = plain.with_suffix(self.suffix) if SUFFIX.fullmatch(plain.suffix) else f"{plain}{self.suffix}"
        suffixed = (
            f"{window[1]}@{window[2]}{self.suffix}" if window else str(replaced),
            f"{plain}{self.suffix}",
        )  # the second distinguishes a.jpg and a.gif
        place = next((path for path in suffixed if path.casefold() not in self.taken), "")
        if not place or name.casefold() in self.names:
            raise DataError(
                f"Two samples have the same name, {name[:60]!r}: expected different ones. "
                "Leave names out to number the files."
            )
        self.names.add(name.casefold())
        self.taken.add(place.casefold())
        return place


def _check_replaceable(path: Path, suffix: str) -> None:
    of_pictures = suffix in (".png", ".tiff")
    for place, _, files in os.walk(path):
        suffixes = WRITTEN if of_pictures else (suffix,)
        other = next((file for file in files if not has_suffix(file, suffixes)), None)
        if other is not None:
            wanted = "pictures" if of_pictures else suffix
            raise DataError(
                f"{path} contains other files than {wanted} ({Path(place) / other}), so it is not replaced. "
                "Choose another path, or empty the folder."
            )
