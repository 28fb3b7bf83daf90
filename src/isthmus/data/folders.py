"""Folders and zips: finding the pictures in them, and reading their bytes safely."""

import contextlib
import os
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from isthmus.data.entries import Entry, UnreadableError, has_suffix
from isthmus.data.named import read_cifar_folder, read_idx_folder
from isthmus.data.options import Options
from isthmus.data.pictures import SUFFIXES, is_picture, picture_pieces, read_pictures
from isthmus.data.raw import Raw
from isthmus.errors import DataError
from isthmus.storage.files import open_regular

LARGEST = 2**29
"""The largest size of a file in bytes; a hundred million pixels need less, and some decoders load it all."""


def read_folder(folder: Path, options: Options) -> Raw:
    """Read a folder of pictures, or of MNIST's four IDX files, or of CIFAR-10's binary files.

    Raises:
        DataError: there are no pictures in it, or some can't be read.
    """
    known = read_idx_folder(folder, options) or read_cifar_folder(folder, options)
    return read_pictures(_entries(folder), options, str(folder)) if known is None else known


@contextlib.contextmanager
def collected(
    path: Path, options: Options, suffixes: Collection[str], largest: int | None = LARGEST
) -> Iterator[list[Entry]]:
    """The files with one of these suffixes in a folder or a zip, or the file itself; open as long as the block.

    largest: the size in bytes from which a file counts as unreadable; None for files that are read block by block.

    Raises:
        DataError: the zip is damaged, unsafe or too large.
    """
    if path.is_dir():
        yield [Entry(name, partial(_file, path / name, largest)) for name in _files(path) if has_suffix(name, suffixes)]
    elif path.suffix.lower() == ".zip":
        with _members(path, options) as entries:
            yield [entry for entry in entries if has_suffix(entry.name, suffixes)]
    else:
        yield [Entry(path.name, partial(_file, path, largest))]


def entry_of(path: Path, name: str) -> Entry:
    """A file by itself, under this name."""
    return Entry(name, partial(_file, path))


def suffixes_in(path: Path, options: Options) -> Counter[str]:
    """How many files of each suffix, in lower case, a folder or a zip has; hidden ones don't count."""
    if path.is_dir():
        names = list(_files(path))
    else:
        with _members(path, options) as entries:
            names = [entry.name for entry in entries]
    found = Counter(PurePosixPath(name).suffix.lower() for name in names)
    return Counter({suffix: count for suffix, count in found.items() if any(has_suffix(n, (suffix,)) for n in names)})


def picture_files(folder: Path) -> list[str]:
    """The pictures below a folder, by suffix: paths with slashes, in order. Links to folders aren't followed.

    Raises:
        DataError: a folder can't be read.
    """
    return [name for name in _files(folder) if is_picture(name)]


def read_zip(path: Path, options: Options) -> Raw:
    """Read a zip of pictures. Nothing is unpacked to disk; sizes are checked before and while members are read.

    Raises:
        DataError: the zip is damaged, contains no pictures or unsafe paths, or unpacks to more than the limit.
    """
    with _opened(path, options) as entries:
        return read_pictures(entries, options, str(path))


def folder_pieces(
    folder: Path, options: Options, size: int, unreadable: list[str]
) -> tuple[int, Callable[[], Iterator[Raw]]] | None:
    """The number of pictures in a folder (or the most patches), and the pictures, `size` at a time.

    None for MNIST's or CIFAR-10's files.

    unreadable: collects the names of pictures that can't be read; these are skipped.
    """
    if not any(is_picture(name) for name in _files(folder)) and (
        read_idx_folder(folder, options) or read_cifar_folder(folder, options)
    ):
        return None
    entries = _entries(folder)
    count = len(entries) * (options.patches or 1)
    return count, partial(picture_pieces, entries, options, str(folder), size, unreadable)


def zip_pieces(
    path: Path, options: Options, size: int, unreadable: list[str]
) -> tuple[int, Callable[[], Iterator[Raw]]]:
    """Like `folder_pieces`, for a zip."""
    with _opened(path, options) as entries:
        count = len(entries) * (options.patches or 1)

    def pieces() -> Iterator[Raw]:
        with _opened(path, options) as entries:
            yield from picture_pieces(entries, options, str(path), size, unreadable)

    return count, pieces


def _entries(folder: Path) -> list[Entry]:
    files = list(_files(folder))
    entries = [Entry(name, partial(_file, folder / name)) for name in files if is_picture(name)]
    if not entries:
        raise DataError(
            f"{folder} contains no pictures ({_found(files)}): expected files such as a.png or label/a.png. "
            "Give the folder above them, or one file."
        )
    return entries


@contextlib.contextmanager
def _opened(path: Path, options: Options) -> Iterator[list[Entry]]:
    """The pictures of a zip, which is open as long."""
    with _members(path, options) as entries:
        pictures = [entry for entry in entries if is_picture(entry.name)]
        if not pictures:
            found = _found([entry.name for entry in entries])
            raise DataError(f"{path} contains no pictures ({found}): expected members such as a.png or label/a.png.")
        yield pictures


@contextlib.contextmanager
def _members(path: Path, options: Options) -> Iterator[list[Entry]]:
    """All files of a zip, which is open as long."""
    try:
        with zipfile.ZipFile(path) as archive:
            if not all(member.filename for member in archive.infolist()):
                raise DataError(f"{path} is damaged: a member has no name. Download or pack it again.")
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_members(members, path, options)
            yield [Entry(member.filename, partial(_member, archive, member)) for member in members]
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise DataError(f"{path} is damaged or not a zip ({error}). Download or pack it again.") from error


def read_picture(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read one picture file, as a set of one sample.

    Raises:
        DataError: the file is damaged or too large.
    """
    return read_pictures([Entry(path.name, partial(_file, path))], options, str(path))


def _files(folder: Path) -> Iterator[str]:
    """Paths of all files below, with slashes; links to folders are not followed, so that none leads in a circle."""
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders.sort()
        yield from ((Path(place) / file).relative_to(folder).as_posix() for file in sorted(files))


def _refuse(error: OSError) -> None:
    raise DataError(
        f"{error.filename} can't be read ({error.strerror}): change its permissions or remove it."
    ) from error


def _file(path: Path, largest: int | None = LARGEST) -> IO[bytes]:
    try:
        file = open_regular(path)
    except OSError as error:
        raise UnreadableError(f"{path} can't be read ({error.strerror}).") from error
    if largest is not None:
        _check_size(str(path), os.fstat(file.fileno()).st_size)
    return file


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """A member's bytes, never more than declared: `zipfile` stops there and checks the checksum."""
    _check_size(member.filename, member.file_size)
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise UnreadableError(f"{member.filename} is a link or a device, not a regular file.")
    try:
        return archive.open(member)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise UnreadableError(f"{member.filename} can't be unpacked ({error}).") from error


def _check_size(name: str, size: int) -> None:
    if size > LARGEST:
        raise UnreadableError(f"{name} has {size} bytes: expected a file of at most {LARGEST} bytes.")


def _check_members(members: list[zipfile.ZipInfo], path: Path, options: Options) -> None:
    for member in members:
        name = member.filename
        if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts or name[1:2] == ":":
            raise DataError(
                f"{path} has a member {name[:60]!r} outside of it: expected paths below it. Don't trust this zip."
            )
        if member.flag_bits & 1:
            raise DataError(f"{path} needs a password ({name[:60]}): expected a zip without one. Unpack it first.")
    declared = sum(member.file_size for member in members)
    if declared > options.max_bytes and declared > path.stat().st_size:
        raise DataError(
            f"{path} unpacks to {declared} bytes: expected at most max_bytes={options.max_bytes}. "
            "If you trust it, raise max_bytes."
        )


def _found(names: list[str]) -> str:
    if not names:
        return "it is empty"
    kinds = sorted({PurePosixPath(name).suffix or PurePosixPath(name).name for name in names})
    plain = [name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES]
    return "only hidden files" if plain else f"{len(names)} files of type {', '.join(kinds[:5])}"
