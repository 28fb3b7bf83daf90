"""Lists of paths: several files as one source, in the order of the list."""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.entries import Entry
from isthmus.data.folders import entry_of
from isthmus.data.raw import Raw
from isthmus.errors import DataError


def paths_in(source: Any, known: Collection[str]) -> list[Path]:
    """The files in a list of paths; empty if it is no such list. Strings are paths if all are files.

    known: suffixes of files that can be read; other strings are texts.

    Raises:
        DataError: a path, as `pathlib` has it, is no file.
    """
    if isinstance(source, np.ndarray) and source.ndim == 1 and source.dtype.kind in "UO":
        source = source.tolist()
    if not isinstance(source, list | tuple) or not all(isinstance(one, str | os.PathLike) for one in source):
        return []
    paths = [Path(one).expanduser() for one in source]
    if not any(isinstance(one, os.PathLike) for one in source):
        return paths if all(path.suffix.lower() in known for path in paths) and all(map(_is_file, paths)) else []
    missing = next((path for path in paths if not _is_file(path)), None)
    if missing is not None:
        raise DataError(f"{missing} is no file: expected a list of paths of files. Check the path, or give a folder.")
    return paths


def entries_of(paths: Sequence[Path], where: str) -> list[Entry]:
    """The files, each under its name below the folder that holds all of them.

    Raises:
        DataError: one is there more than once.
    """
    whole = [path.resolve() for path in paths]
    base = Path(os.path.commonpath([path.parent for path in whole]))
    names = [path.relative_to(base).as_posix() for path in whole]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{where} has {twice} more than once: expected different files. Remove the repetition.")
    return [entry_of(path, name) for path, name in zip(paths, names, strict=True)]


def in_order(raw: Raw, entries: Sequence[Entry]) -> Raw:
    """The samples in the order of the files that they are named after."""
    places = {entry.name: place for place, entry in enumerate(entries)}
    if raw.parts or not all(name in places for name in raw.names):  # patches have names of their own
        return raw
    order = sorted(range(len(raw.names)), key=lambda row: places[raw.names[row]])
    labels = None if raw.labels is None else [raw.labels[row] for row in order]
    return replace(raw, values=raw.values[order], labels=labels, names=tuple(raw.names[row] for row in order))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a text that is too long for a name, or has a zero byte
        return False
