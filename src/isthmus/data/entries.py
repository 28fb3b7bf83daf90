"""Entries: the files of a folder or a zip that aren't read yet, and what the folders' names say of them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

from isthmus.data.raw import PARTS
from isthmus.errors import DataError


class UnreadableError(DataError):
    """One file is damaged or has the wrong type; the others may be readable."""


@dataclass(frozen=True)
class Entry:
    """A file that isn't read yet: its path within the set, with slashes, and a function that opens it."""

    name: str
    open: Callable[[], IO[bytes]]


def has_suffix(name: str, suffixes: Iterable[str]) -> bool:
    """Whether a file has one of these suffixes, which are lower case, and isn't hidden."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in suffixes and not hidden


def parts_of(entries: Sequence[Entry]) -> dict[str, list[Entry]] | None:
    """The files of each part, "train" first, if folders at the top divide them."""
    tops = {PurePosixPath(entry.name).parts[0] for entry in entries if "/" in entry.name}
    if "train" not in tops or len(tops) == 1 or not tops <= set(PARTS) or not all("/" in e.name for e in entries):
        return None
    in_order = sorted(entries, key=lambda entry: entry.name)
    return {
        PARTS[top]: [entry for entry in in_order if entry.name.startswith(f"{top}/")]
        for top in sorted(tops, key=lambda top: (top != "train", top))
    }


def labels_of(names: Sequence[str], depth: int) -> list[str | None] | None:
    """The label of each file: its first folder below `depth` folders; None if no file has one."""
    folders = [PurePosixPath(name).parts[depth:-1] for name in names]
    return [folder[0] if folder else None for folder in folders] if any(folders) else None


def natural(name: str) -> list[Any]:
    """A key that sorts names as people count: part2 before part10."""
    return [int(piece) if piece.isdigit() else piece.lower() for piece in re.split(r"(\d+)", name)]
