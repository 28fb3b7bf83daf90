"""Formats of pictures: their suffixes, the modules that read them, and whether they are written."""

import importlib.util
from dataclasses import dataclass

from isthmus.data.entries import suffix_of


@dataclass(frozen=True)
class PictureFormat:
    """One format of picture files.

    suffixes: in lower case. holds: what a file may have, for a table of formats. reader: the module of
    `isthmus.data.decoders` that reads it. modules: what it needs, besides Pillow, from the optional `extra`.
    written: whether samples can be written in it. deep: whether it is written with the 16 bits of the model's data.
    several: whether a file usually has more than one frame. large: whether files are read block by block.
    """

    name: str
    suffixes: tuple[str, ...]
    holds: str
    reader: str = "pillow"
    modules: tuple[str, ...] = ()
    extra: str = ""
    written: bool = True
    deep: bool = False
    several: bool = False
    large: bool = False

    @property
    def kind(self) -> str:
        """Equal for formats whose files are read together as one set; videos and stills are not."""
        return "pillow" if self.reader == "heif" else self.reader

    @property
    def missing(self) -> str | None:
        """The first package that isn't installed; None if the format can be read."""
        return next((package for package in self.modules if not _installed(package)), None)


FORMATS = (
    PictureFormat("PNG", (".png", ".apng"), "8 or 16 bits, animations", deep=True),
    PictureFormat("JPEG", (".jpg", ".jpeg"), "8 bits"),
    PictureFormat("WebP", (".webp",), "8 bits, animations"),
    PictureFormat(
        "TIFF", (".tif", ".tiff"), "8, 16 or 32 bits, floats, several pages, many bands", deep=True, several=True
    ),
    PictureFormat("GIF", (".gif",), "8 bits, animations", several=True),
    PictureFormat("BMP", (".bmp",), "8 bits"),
    PictureFormat("PPM", (".ppm", ".pgm"), "8 or 16 bits", deep=True),
    PictureFormat("AVIF", (".avif",), "8 to 12 bits, animations"),
    PictureFormat("JPEG 2000", (".jp2", ".j2k", ".jpx"), "8 or 16 bits"),
    PictureFormat("TGA", (".tga",), "8 bits"),
    PictureFormat("HEIC", (".heic", ".heif", ".hif"), "8 to 12 bits", "heif", ("pillow_heif",), "pictures"),
    PictureFormat(
        "DICOM",
        (".dcm", ".dicom"),
        "medical pictures, several frames",
        "dicom",
        ("pydicom",),
        "medical",
        False,
        several=True,
    ),
    PictureFormat(
        "NIfTI",
        (".nii", ".nii.gz"),
        "medical volumes, as slices",
        "nifti",
        ("nibabel",),
        "medical",
        False,
        several=True,
    ),
    PictureFormat(
        "FITS",
        (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz"),
        "astronomical pictures and cubes",
        "fits",
        ("astropy",),
        "astronomy",
        False,
        several=True,
    ),
    PictureFormat(
        "video",
        (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"),
        "frames",
        "video",
        ("av",),
        "video",
        False,
        several=True,
        large=True,
    ),
)
BY_SUFFIX = {suffix: format for format in FORMATS for suffix in format.suffixes}
SUFFIXES = tuple(BY_SUFFIX)
WRITTEN = tuple(suffix for suffix, format in BY_SUFFIX.items() if format.written)


def format_of(name: str) -> PictureFormat | None:
    """The format that a file's name says; None if that isn't a picture's."""
    return BY_SUFFIX.get(suffix_of(name))


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # a module without a specification, or None in its place
        return False
