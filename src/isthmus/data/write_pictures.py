"""Writing files of one sample each atomically, such as PNGs: one file, a folder or a zip."""

import contextlib
import io
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from isthmus.data.entries import has_suffix
from isthmus.data.options import MODES
from isthmus.data.pictures import is_picture
from isthmus.errors import DataError
from isthmus.plain import utf8
from isthmus.storage.files import unwritable, whole_file
from isthmus.storage.replacing import finish_swap, put_folder
from isthmus.storage.temporary import name_beside

Write = Callable[[np.ndarray, Sequence[str]], None]
"""Takes samples and their names."""
Encode = Callable[[np.ndarray], bytes]
"""The content of the file of one sample."""
SUFFIX = re.compile(r"\.\w+")
"""Of a name that is a file's, unlike "a.mid@bar 3"."""


def as_bytes(values: np.ndarray, like: Mapping[str, Any] | None, called: str) -> np.ndarray:
    """`(N, C, H, W)` uint8 from pictures `(N, C, H, W)` or `(N, H, W)`: rounded, and clipped to 0..255.

    like: description of a model's data; if those were floats, their range becomes 0 to 255.

    Raises:
        DataError: the shape isn't a picture's, or some values are not finite.
    """
    pictures = values[:, None] if values.ndim == 3 else values
    if pictures.ndim != 4 or pictures.shape[1] not in MODES:
        raise DataError(
            f"{called} needs pictures, but the values have shape {values.shape}: expected (N, C, height, width) with C "
            "of 1, 3 or 4. Write them as .npy, .csv or .parquet."
        )
    if pictures.dtype == np.uint8:
        return pictures
    pictures = pictures.astype(np.float32 if pictures.dtype != np.float64 else np.float64, copy=False)
    if not np.isfinite(pictures).all():
        raise DataError(f"The pictures for {called} have NaN or infinite values: expected 0 to 255.")
    if like is not None and like.get("dtype") in ("float32", "float64"):
        low, high = _bounds(like)
        pictures = (pictures - low) * (255 / (high - low))
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)


@contextlib.contextmanager
def write_picture(path: Path, count: int | None) -> Iterator[Write]:
    """One picture, `(1, C, H, W)` uint8, in the format of the path's suffix.

    Raises:
        DataError: there are more, or the format has no such mode.
    """
    with whole_file(path) as beside:
        written = 0

        def write(pictures: np.ndarray, names: Sequence[str]) -> None:
            nonlocal written
            written += len(pictures)
            _check_one(path, max(written, count or 0), "picture")
            image = _image(pictures[0])
            if image.mode == "RGBA" and path.suffix.lower() in (".jpg", ".jpeg", ".bmp", ".ppm", ".pgm"):
                raise DataError(f"{path.suffix} can't store the picture's transparency: write it as .png.")
            image.save(beside)

        yield write


def png(picture: np.ndarray) -> bytes:
    """The PNG of a picture, `(C, H, W)` uint8."""
    buffer = io.BytesIO()
    _image(picture).save(buffer, format="PNG")
    return buffer.getvalue()


@contextlib.contextmanager
def write_file(encode: Encode, path: Path, count: int | None) -> Iterator[Write]:
    """One sample as one file.

    Raises:
        DataError: there are more.
    """
    with whole_file(path) as beside:
        written = 0

        def write(samples: np.ndarray, names: Sequence[str]) -> None:
            nonlocal written
            written += len(samples)
            _check_one(path, max(written, count or 0))
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
    of_pictures = suffix == ".png"
    for place, _, files in os.walk(path):
        alike = is_picture if of_pictures else lambda file: has_suffix(file, (suffix,))
        other = next((file for file in files if not alike(file)), None)
        if other is not None:
            wanted = "pictures" if of_pictures else suffix
            raise DataError(
                f"{path} contains other files than {wanted} ({Path(place) / other}), so it is not replaced. "
                "Choose another path, or empty the folder."
            )
