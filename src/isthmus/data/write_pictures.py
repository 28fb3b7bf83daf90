"""Writing pictures: a PNG, a folder or a zip of PNGs; whole or not at all."""

import contextlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from isthmus.data.pictures import is_picture
from isthmus.errors import DataError
from isthmus.files import unwritable, write_whole

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def as_bytes(values: np.ndarray, like: Mapping[str, Any] | None, called: str) -> np.ndarray:
    """`(N, C, H, W)` uint8 of pictures `(N, C, H, W)` or `(N, H, W)`: rounded, and cut off at 0 and 255.

    like: description of the data that they are like; where those were floats, their range becomes 0 to 255.

    Raises:
        DataError: the shape is no picture's, or there are values that are not finite.
    """
    pictures = values[:, None] if values.ndim == 3 else values
    if pictures.ndim != 4 or pictures.shape[1] not in MODES:
        raise DataError(
            f"Values of shape {values.shape} are no pictures, as {called} needs: expected (N, C, height, width) with C "
            "of 1, 3 or 4. Write them as .npy, .csv or .parquet."
        )
    if pictures.dtype == np.uint8:
        return pictures
    pictures = pictures.astype(np.float32)
    if not np.isfinite(pictures).all():
        raise DataError(f"There are NaN or infinite values among the pictures for {called}: expected 0 to 255.")
    if like is not None and like.get("dtype") == "float32":
        low, high = _bounds(like)
        pictures = (pictures - low) * (255 / (high - low))
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)


def write_picture(path: Path, pictures: np.ndarray) -> None:
    """Write one picture, `(1, C, H, W)` uint8, in the format of the path's suffix.

    Raises:
        DataError: there are more, or the format has no such mode.
    """
    if len(pictures) != 1:
        raise DataError(f"{path} holds one picture, not {len(pictures)}: write a folder (no suffix) or a .zip.")
    image = _image(pictures[0])
    if image.mode == "RGBA" and path.suffix.lower() in (".jpg", ".jpeg", ".bmp", ".ppm", ".pgm"):
        raise DataError(f"{path.suffix} has no transparency, but the picture has: write it as .png.")
    write_whole(path, image.save)


def write_zip(path: Path, pictures: np.ndarray, names: Sequence[str]) -> None:
    """Write pictures, `(N, C, H, W)` uint8, as a zip of PNGs."""
    paths = _paths(names, len(pictures))

    def write(beside: Path) -> None:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:  # for PNG is packed already
            for name, picture in zip(paths, pictures, strict=True):
                archive.writestr(
                    zipfile.ZipInfo(name), _png(picture)
                )  # ZipInfo's fixed date makes equal zips of equal pictures

    write_whole(path, write)


def write_folder(path: Path, pictures: np.ndarray, names: Sequence[str]) -> None:
    """Write pictures, `(N, C, H, W)` uint8, as PNGs into a folder that appears when all of them are there.

    A folder that is there already is replaced if it holds pictures only.

    Raises:
        DataError: it holds something else.
        IsthmusError: it could not be written; nothing is left half-written.
    """
    if path.exists():
        _check_replaceable(path)
    paths = _paths(names, len(pictures))
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        ready, old = beside / "new", beside / "old"
        ready.mkdir()
        for name, picture in zip(paths, pictures, strict=True):
            target = ready / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.write(_png(picture))
        if path.exists():
            path.rename(old)
        try:
            ready.rename(path)
        except OSError:
            with contextlib.suppress(OSError):
                old.rename(path)
            raise
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _bounds(like: Mapping[str, Any]) -> tuple[float, float]:
    """The raw values that are black and white in data of floats."""
    scaling = like.get("scaling") or {}
    if scaling.get("kind") == "minmax":
        return scaling["shift"], scaling["shift"] + scaling["scale"]
    return (0.0, 255.0) if scaling.get("kind") == "bytes" or not scaling.get("range") else (0.0, 1.0)


def _image(picture: np.ndarray) -> Image.Image:
    mode = MODES[len(picture)]
    pixels = picture[0] if mode == "L" else np.moveaxis(picture, 0, 2)
    return Image.fromarray(np.ascontiguousarray(pixels), mode=None)


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    _image(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def _paths(names: Sequence[str], count: int) -> list[str]:
    """Where each picture goes, below the folder: never out of it, never two in one place."""
    if not names:
        digits = max(5, len(str(count - 1)))
        return [f"{number:0{digits}}.png" for number in range(count)]
    for name in names:
        plain = PurePosixPath(name)
        if plain.is_absolute() or ".." in plain.parts or not plain.name or any(c in name for c in "\\:\0"):
            raise DataError(
                f"The name {name[:60]!r} is no plain path below a folder: expected one such as label/a.png."
            )
    paths = [str(PurePosixPath(name).with_suffix(".png")) for name in names]
    if len({path.casefold() for path in paths}) < count:
        paths = [f"{PurePosixPath(name)}.png" for name in names]
    if len({path.casefold() for path in paths}) < count:
        raise DataError("Two samples have the same name: expected different ones. Leave names out to number the files.")
    return paths


def _check_replaceable(path: Path) -> None:
    for place, _, files in os.walk(path):
        other = next((file for file in files if not is_picture(file)), None)
        if other is not None:
            raise DataError(
                f"{path} holds more than pictures ({Path(place) / other}): it is not replaced. "
                "Choose another path, or empty it."
            )
