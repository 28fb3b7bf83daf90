"""Sources: which reader a source goes to, by what it is or what its file is called."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from isthmus.data.arrays import from_mapping, from_memory, read_npy, read_npz
from isthmus.data.idx import read_idx
from isthmus.data.named import NAMES, read_named
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.samples import Samples
from isthmus.errors import DataError, nearest


def read(source: Any, options: Options, labels: Any = None, like: Mapping[str, Any] | None = None) -> Raw:
    """What `source` holds (see `open_data`)."""
    if isinstance(source, str) and source in NAMES:
        return read_named(source, options)
    if isinstance(source, str | os.PathLike):
        return _read_path(Path(source), options)
    if isinstance(source, Samples):
        return _from_samples(source)
    if isinstance(source, tuple) and len(source) == 2 and labels is None and not isinstance(source[0], int | float):
        return from_memory(*source)
    if isinstance(source, Mapping):
        return from_mapping(source, options)
    return from_memory(source, labels)


def called(source: Any) -> str:
    """What to call `source` in a message."""
    return str(source) if isinstance(source, str | os.PathLike) else f"The {type(source).__name__}"


def _read_path(path: Path, options: Options) -> Raw:
    if not path.exists():
        raise DataError(f"{path} does not exist, and is no known name. {nearest(str(path), NAMES)}")
    readers = {".npy": read_npy, ".npz": read_npz, ".idx": read_idx}
    reader = readers.get(path.suffix)
    if reader is None:
        raise DataError(f"{path}: unknown type {path.suffix!r}. {nearest(path.suffix, readers)}")
    return replace(reader(path, options), origin=str(path.resolve()))


def _from_samples(samples: Samples) -> Raw:
    values = samples.values if samples.rows is None else samples.tensor()
    return Raw(values, samples.labels, samples.label_names, samples.names, samples.columns, samples.kind)
