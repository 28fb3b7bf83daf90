"""Entries: the files of a folder or a zip that aren't read yet, and what the folders' names say of them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from isthmus.data.part_names import nearly_parts, parts_among, split_name
from isthmus.errors import DataError, remark
from isthmus.formatting import listed

PACKED = (".gz", ".fz")
SYSTEM = ("__MACOSX", "Thumbs.db", "desktop.ini")
"""Files and folders that systems add; they count as hidden."""


class UnreadableError(DataError):
    """One file is damaged or has the wrong type; the others may be readable."""


@dataclass(frozen=True)
class Entry:
    """A file that isn't read yet: its path within the set, with slashes, and a function that opens it."""

    name: str
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Division:
    """The files of each part, "train" first, in order of their names; all of them in "train" if nothing divides them.

    level: how many folders lie above those that are the parts; None if nothing divides the files.
    shared: how many of the first folders are above all files, so that they are no labels.
    """

    parts: dict[str, list[Entry]]
    level: int | None = None
    shared: int = field(default=0, repr=False)

    def labels(self, names: Sequence[str]) -> list[str | None] | None:
        """The label of each file: its first folder that is neither a part nor above all files; None if none has one."""
        folders = [self._folders(name) for name in names]
        return [folder[0] if folder else None for folder in folders] if any(folders) else None

    def _folders(self, name: str) -> tuple[str, ...]:
        folders = folders_of(name)
        if self.level is None:
            return folders[self.shared :]
        below = folders[self.level + 1 :]
        below = below[1:] if below[:1] == folders[self.level : self.level + 1] else below  # "train/train/cats"
        return folders[self.shared : self.level] + below


def suffix_of(name: str) -> str:
    """The suffix of a file's name in lower case, with the one before it if the file is packed.

    >>> suffix_of("a/brain.NII.gz"), suffix_of("a.png"), suffix_of("README")
    ('.nii.gz', '.png', '')
    """
    base, _, last = name.rpartition("/")[2].lower().lstrip(".").rpartition(".")  # paths are slow for many files
    if not base or not last:
        return ""
    before, _, inner = base.rpartition(".")
    return f".{inner}.{last}" if before and f".{last}" in PACKED else f".{last}"


def stem_of(name: str) -> str:
    """A file's name without its folders and its suffix.

    >>> stem_of("a/brain.nii.gz"), stem_of("b/1.2.png")
    ('brain', '1.2')
    """
    base = name.rpartition("/")[2]
    return base[: len(base) - len(suffix_of(name))]


def folders_of(name: str) -> tuple[str, ...]:
    """The folders of a file's path, from the top.

    >>> folders_of("train/cats/a.png")
    ('train', 'cats')
    """
    return tuple(name.split("/")[:-1])


def is_hidden(name: str) -> bool:
    """Whether a path has a hidden file or folder, or one that systems add."""
    return any(part.startswith(".") or part in SYSTEM for part in name.split("/"))


def has_suffix(name: str, suffixes: Iterable[str]) -> bool:
    """Whether a file has one of these suffixes, which are lower case, and isn't hidden."""
    return suffix_of(name) in suffixes and not is_hidden(name)


def divide(entries: Sequence[Entry], where: str) -> Division:
    """The parts into which folders such as `train` and `test` divide the files, whatever their case and spelling.

    The parts' folders are at the top, or below one folder that all files share, or in each class's folder. Where they
    are at the top, files outside of them are left out, with a remark; names that are nearly a part's are remarked on.
    """
    in_order = sorted(entries, key=lambda entry: entry.name)
    folders = [folders_of(entry.name) for entry in in_order]
    shared = _shared(folders)
    tops = _names(folders, shared)
    parts = parts_among(tops)
    if set(parts.values()) > {"train"} or (parts and parts.keys() == tops and all(len(f) > shared for f in folders)):
        if set(parts.values()) == {"train"}:
            remark(
                f"{where} has a folder {listed(sorted(parts))} but none for tests: its files are divided at random. "
                "To test on other files, put them into a folder 'test' next to it."
            )
        return _divided(in_order, folders, parts, shared, shared, where)
    within = _names(folders, shared + 1)
    parts = parts_among(within)
    if set(parts.values()) > {"train"} and parts.keys() == within and all(len(f) > shared + 1 for f in folders):
        return _divided(in_order, folders, parts, shared + 1, shared, where)
    _tell_nearly(tops, in_order, where)
    return Division({"train": in_order}, shared=shared if any(len(f) > shared for f in folders) else 0)


def natural(name: str) -> list[Any]:
    """A key that sorts names as people count: part2 before part10."""
    return [int(piece) if piece.isdigit() else piece.lower() for piece in re.split(r"(\d+)", name)]


def _shared(folders: Sequence[tuple[str, ...]]) -> int:
    """How many folders lie above all files, unless the last of them is a part."""
    shared = 0
    while folders and all(len(f) > shared and f[shared] == folders[0][shared] for f in folders):
        if split_name(folders[0][shared]):
            return shared
        shared += 1
    return shared


def _names(folders: Sequence[tuple[str, ...]], level: int) -> set[str]:
    return {folder[level] for folder in folders if len(folder) > level}


def _divided(
    entries: Sequence[Entry],
    folders: Sequence[tuple[str, ...]],
    parts: dict[str, str],
    level: int,
    shared: int,
    where: str,
) -> Division:
    found: dict[str, list[Entry]] = {"train": []}
    outside: list[str] = []
    for entry, folder in zip(entries, folders, strict=True):
        part = parts.get(folder[level]) if len(folder) > level else None
        if part is None:
            outside.append(entry.name)
        else:
            found.setdefault(part, []).append(entry)
    if outside:
        remark(
            f"{where} is divided by its folders {listed(sorted(parts))}; {len(outside)} file"
            f"{'s' * (len(outside) > 1)} outside of them {'are' if len(outside) > 1 else 'is'} left out "
            f"({listed(outside, most=3)}). To use them, move them into one of these folders."
        )
    return Division(found, level, shared)


def _tell_nearly(tops: set[str], entries: Sequence[Entry], where: str) -> None:
    by_name = Counter(found[0] for entry in entries if (found := split_name(stem_of(entry.name), None)))
    if by_name["train"] and len(by_name) > 1 and by_name.total() == len(entries):
        remark(
            f"{where}: the files are named as parts of the data ({', '.join(sorted(by_name))}), but are read as one "
            "set. To divide them so, move them into folders 'train' and 'test' (and 'validation')."
        )
    nearly = sorted({*nearly_parts(tops), *(top for top in tops if split_name(top) and len(top) > 2)})
    if nearly:
        remark(
            f"{where}: the folder{'s' * (len(nearly) > 1)} {listed(nearly)} {'are' if len(nearly) > 1 else 'is'} read "
            "as any class's. If they are parts of the data, rename them: 'train' and 'test' (and 'validation')."
        )
