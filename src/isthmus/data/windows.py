"""Windows: the samples that files of text, music and sound are cut into, with names, labels and groups."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isthmus.data.entries import Entry, UnreadableError, labels_of, parts_of
from isthmus.errors import DataError, remark
from isthmus.formatting import listed

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
    divided = parts_of(entries)
    depth = 0 if divided is None else 1
    in_order = divided or {"train": sorted(entries, key=lambda entry: entry.name)}
    unreadable: list[str] = []
    found = {part: _part(some, depth, read, unreadable) for part, some in in_order.items()}
    if unreadable and len(unreadable) == len(entries):
        raise DataError(f"{where}: none of its {len(entries)} {what} can be read. {unreadable[0]}")
    if unreadable:
        remark(f"{where}: {len(unreadable)} of {len(entries)} {what} are left out. {listed(unreadable, most=3)}")
    if not found["train"].items:
        raise DataError(f"{where} has no samples: its {what} are empty. Give {what} with content.")
    return found


def _part(
    entries: Sequence[Entry], depth: int, read: Callable[[Entry], Iterable[Window]], unreadable: list[str]
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
    made.labels, made.groups = labels_of(files, depth), np.array(groups, np.int64)
    return made
