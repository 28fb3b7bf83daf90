"""Windows: the samples that files of text, music and sound are cut into, with names, labels and groups."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isthmus.data.entries import Division, Entry, UnreadableError, divide
from isthmus.errors import DataError, remark
from isthmus.formatting import listed

FEW, STRETCH = 10, 16
"""With fewer files, stretches of so many windows at most go to one part together, instead of whole files."""
Window = tuple[Any, str]
"""A sample, a text or an array, and its place in the file for its name; "" for the whole file."""


@dataclass
class Windows:
    """The samples of one part.

    items: the samples. names: "file@place". labels: the file's folder, or None for all. groups: (N,) the file of each,
    so that overlapping or neighbouring samples stay in one part of the data.
    """

    items: list[Any] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    labels: list[str | None] | None = None
    groups: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


def windows_of(
    entries: Sequence[Entry], where: str, read: Callable[[Entry], Iterable[Window]], what: str
) -> dict[str, Windows]:
    """The samples of all files by part, "train" first; unreadable files are named in a remark and left out.

    read: cuts one file. what: the plural noun for messages, such as "recordings".

    Raises:
        DataError: no file can be read, or none has a sample.
    """
    division = divide(entries, where)
    unreadable: list[str] = []
    found = {part: _part(some, division, read, unreadable) for part, some in division.parts.items()}
    if unreadable and len(unreadable) == len(entries):
        raise DataError(f"{where}: none of its {len(entries)} {what} can be read. {unreadable[0]}")
    if unreadable:
        remark(f"{where}: {len(unreadable)} of {len(entries)} {what} are left out. {listed(unreadable, most=3)}")
    if not found["train"].items:
        raise DataError(f"{where} has no samples: its {what} are empty. Give {what} with content.")
    return found


def _part(
    entries: Sequence[Entry], division: Division, read: Callable[[Entry], Iterable[Window]], unreadable: list[str]
) -> Windows:
    made, files, groups = Windows(), [], []
    for number, entry in enumerate(entries):
        try:
            windows = list(read(entry))
        except UnreadableError as error:
            unreadable.append(str(error))
            continue
        for item, place in windows:
            made.items.append(item)
            made.names.append(f"{entry.name}@{place}" if place else entry.name)
            files.append(entry.name)
            groups.append(number)
    made.labels, made.groups = division.labels(files), np.array(groups, np.int64)
    return made


def stretches(files: np.ndarray) -> np.ndarray:
    """(N,) groups of consecutive windows of one file, for a few long files.

    files: (N,) the number of each window's file.
    """
    size = max(1, min(STRETCH, len(files) // 20))
    order = np.argsort(files, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(files)) - np.searchsorted(files[order], files[order])
    return np.unique(np.stack((files, place // size)), axis=1, return_inverse=True)[1].ravel()
