"""Folders and zips: finding the pictures in them, and reading their bytes safely."""

import contextlib
import os
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from isthmus.data.entries import Entry, UnreadableError, has_suffix, is_hidden, suffix_of
from isthmus.data.file_kinds import of_one_kind, read_with, tell_unread
from isthmus.data.named import read_cifar_folder, read_idx_folder
from isthmus.data.options import Options
from isthmus.data.picture_formats import SUFFIXES, WRITTEN, format_of
from isthmus.data.pictures import picture_pieces, read_pictures
from isthmus.data.raw import Raw
from isthmus.errors import DataError, remark
from isthmus.extras import needs
from isthmus.storage.files import open_regular

LARGEST = 2**29
"""The largest size of a file in bytes; a hundred million pixels need less, and some decoders load it all."""


def read_folder(folder: Path, options: Options) -> Raw:
    """Read a folder of pictures, or of MNIST's four IDX files, or of CIFAR-10's binary files.

    Raises:
        DataError: there are no pictures in it, or some can't be read.
    """
    known = read_idx_folder(folder, options) or read_cifar_folder(folder, options)
    if known is not None:
        return known
    names = _plain(_files(folder))
    entries = _entries(folder, names)
    _tell_others(folder, names, entries)
    return read_pictures(entries, options, str(folder))


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
    return Counter(map(suffix_of, names_in(path, options)))


def names_in(path: Path, options: Options) -> list[str]:
    """The files of a folder or a zip, as paths with slashes, without hidden ones."""
    if path.is_dir():
        return _plain(_files(path))
    with _members(path, options) as entries:
        return _plain(entry.name for entry in entries)


def picture_files(folder: Path) -> list[str]:
    """The pictures below a folder that can be written in their format, by suffix: paths with slashes, in order.

    Links to folders aren't followed.

    Raises:
        DataError: a folder can't be read.
    """
    return [name for name in _files(folder) if has_suffix(name, WRITTEN)]


def read_zip(path: Path, options: Options) -> Raw:
    """Read a zip of pictures. Nothing is unpacked to disk; sizes are checked before and while members are read.

    Raises:
        DataError: the zip is damaged, contains no pictures or unsafe paths, or unpacks to more than the limit.
    """
    with _opened(path, options, tell=True) as entries:
        return read_pictures(entries, options, str(path))


def folder_pieces(
    folder: Path, options: Options, size: int, unreadable: list[str]
) -> tuple[int | None, Callable[[], Iterator[Raw]]] | None:
    """The number of pictures in a folder (or the most patches), and the pictures, `size` at a time.

    None for MNIST's or CIFAR-10's files. The number is None if files may have several frames.

    unreadable: collects the names of pictures that can't be read; these are skipped.
    """
    names = _plain(_files(folder))
    if not any(suffix_of(name) in SUFFIXES for name in names) and (
        read_idx_folder(folder, options) or read_cifar_folder(folder, options)
    ):
        return None
    entries = _entries(folder, names)
    _tell_others(folder, names, entries)
    return _count(entries, options), partial(picture_pieces, entries, options, str(folder), size, unreadable)


def folder_entries(folder: Path) -> list[Entry]:
    """The pictures in a folder; none where it holds MNIST's or CIFAR-10's files, or no pictures."""
    names = _plain(_files(folder))
    pictures = any(suffix_of(name) in SUFFIXES for name in names)
    return _entries(folder, names) if pictures else []


def file_pieces(
    path: Path, options: Options, size: int, unreadable: list[str]
) -> tuple[int | None, Callable[[], Iterator[Raw]]]:
    """Like `folder_pieces`, for one file of pictures, such as a video."""
    entries = [Entry(path.name, partial(_file, path, _largest(path.name)))]
    return _count(entries, options), partial(picture_pieces, entries, options, str(path), size, unreadable)


def zip_pieces(
    path: Path, options: Options, size: int, unreadable: list[str]
) -> tuple[int | None, Callable[[], Iterator[Raw]]]:
    """Like `folder_pieces`, for a zip."""
    with _opened(path, options, tell=True) as entries:
        count = _count(entries, options)

    def pieces() -> Iterator[Raw]:
        with _opened(path, options) as entries:
            yield from picture_pieces(entries, options, str(path), size, unreadable)

    return count, pieces


def _tell_others(folder: Path, names: list[str], entries: list[Entry]) -> None:
    """Remark on the files of a folder that have no picture's suffix, unless they are read."""
    tell_unread(str(folder), Counter(map(suffix_of, names)), read_with([entry.name for entry in entries]))


def _count(entries: list[Entry], options: Options) -> int | None:
    """The number of samples, or the most; None if it is unknown, because files may have several frames."""
    formats = map(format_of, (entry.name for entry in entries))
    several = options.frames == "samples" and any(format and format.several for format in formats)
    return None if several else len(entries) * (options.patches or 1)


def _entries(folder: Path, names: list[str]) -> list[Entry]:
    found = [name for name in names if suffix_of(name) in SUFFIXES] or _dicoms(folder, names)
    pictures = _readable(of_one_kind(found), str(folder))
    if not pictures:
        raise DataError(
            f"{folder} contains no pictures ({_found(list(_files(folder)))}): expected files such as a.png or "
            "label/a.png. Give the folder above them, or one file."
        )
    return [Entry(name, partial(_file, folder / name, _largest(name))) for name in pictures]


def _dicoms(folder: Path, names: list[str]) -> list[str]:
    """The files of a folder without a picture's suffix if the first of them are DICOM, whose files often have none."""
    for name in names[:3]:
        try:
            with _file(folder / name) as file:
                if file.read(132)[128:] != b"DICM":
                    return []
        except (UnreadableError, OSError):
            return []
    return names


def _largest(name: str) -> int | None:
    """The size in bytes from which a picture counts as unreadable."""
    format = format_of(name)
    return None if format is not None and format.large else LARGEST


def _readable(names: list[str], where: str, *, tell: bool = True) -> list[str]:
    """The pictures whose format can be read here; a remark counts those that need a package.

    Raises:
        MissingPackageError: all of them need one.
    """
    lacking: dict[str, list[str]] = {}
    for name in names:
        format = format_of(name)
        if format is not None and format.extra and format.missing:
            lacking.setdefault(format.name, []).append(name)
    without = {name for some in lacking.values() for name in some}
    kept = [name for name in names if name not in without]
    for called, some in lacking.items():
        format = format_of(some[0])
        assert format is not None
        if not kept:
            needs(format.missing or format.modules[0], format.extra, f"{where} ({called})")
        if tell:
            remark(
                f"{where}: {len(some)} of {len(names)} pictures are not read, because {called} needs {format.missing}, "
                f"which is not installed here. Install it: pip install 'isthmus[{format.extra}]'."
            )
    return kept


@contextlib.contextmanager
def _opened(path: Path, options: Options, *, tell: bool = False) -> Iterator[list[Entry]]:
    """The pictures of a zip, which is open as long. tell: whether other files are counted in a remark."""
    with _members(path, options) as entries:
        by_name = {entry.name: entry for entry in entries if not is_hidden(entry.name)}
        pictures = [name for name in by_name if suffix_of(name) in SUFFIXES]
        if not pictures:
            found = _found([entry.name for entry in entries])
            raise DataError(f"{path} contains no pictures ({found}): expected members such as a.png or label/a.png.")
        chosen = [by_name[name] for name in _readable(of_one_kind(pictures), str(path), tell=tell)]
        if tell:
            tell_unread(str(path), Counter(map(suffix_of, by_name)), read_with([entry.name for entry in chosen]))
        yield chosen


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
    return read_pictures([Entry(path.name, partial(_file, path, _largest(path.name)))], options, str(path))


def _plain(names: Iterable[str]) -> list[str]:
    return [name for name in names if not is_hidden(name)]


def _files(folder: Path) -> Iterator[str]:
    """Paths of all files below, with slashes; links to folders are not followed, so that none leads in a circle."""
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders.sort()
        below = Path(place).relative_to(folder).as_posix()
        yield from (file if below == "." else f"{below}/{file}" for file in sorted(files))


def _refuse(error: OSError) -> None:
    raise DataError(
        f"{error.filename} can't be read ({error.strerror}): change its permissions or remove it."
    ) from error


def _file(path: Path, largest: int | None = LARGEST) -> IO[bytes]:
    try:
        file = open_regular(path)
    except OSError as error:
        raise UnreadableError(f"{path} can't be read ({error.strerror}).") from error
    if largest is not None and (size := os.fstat(file.fileno()).st_size) > largest:
        file.close()
        _check_size(str(path), size, largest)
    return file


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """A member's bytes, never more than declared: `zipfile` stops there and checks the checksum."""
    _check_size(member.filename, member.file_size, LARGEST)
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise UnreadableError(f"{member.filename} is a link or a device, not a regular file.")
    try:
        return archive.open(member)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise UnreadableError(f"{member.filename} can't be unpacked ({error}).") from error


def _check_size(name: str, size: int, largest: int) -> None:
    if size > largest:
        raise UnreadableError(f"{name} has {size} bytes: expected a file of at most {largest} bytes.")


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
    kinds = sorted({suffix_of(name) or PurePosixPath(name).name for name in names})
    plain = [name for name in names if suffix_of(name) in SUFFIXES]
    return "only hidden files" if plain else f"{len(names)} files of type {', '.join(kinds[:5])}"
