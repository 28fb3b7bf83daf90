"""HDF5: the arrays of a file, by their paths in it."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import from_mapping, has_usual_names
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.errors import DataError, nearest
from isthmus.extras import needs
from isthmus.formatting import listed

MAGIC = b"\x89HDF\r\n\x1a\n"
MOST_SETS = 10_000


def read_hdf5(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """The arrays of an HDF5 file, by their names as in an `.npz` (see `from_mapping`), or by `options.array`.

    Raises:
        DataError: the file is damaged, or it isn't plain which array holds the samples; the message lists them.
    """
    with opened(path) as file:
        return from_file(file, path, options, like)


def from_file(file: Any, path: Path, options: Options, like: Mapping[str, Any] | None) -> Raw:
    """The same of an open file."""
    sets = arrays_in(file, path)
    numbers = {name: each for name, each in sets.items() if each.shape and each.dtype.kind in "biufV"}
    if not numbers:
        raise DataError(f"{path} contains no array of numbers: expected one, or X and y. It has {_shown(sets)}.")
    arrays = Arrays({name: each for name, each in sets.items() if each.shape}, path, options)
    if options.array is not None:
        if options.array not in sets and not options.forgives("array", like):
            hint = nearest(options.array, sets)
            raise DataError(f"array={options.array!r}: {path} has no such array. {hint} It has {_shown(sets)}.")
        return from_mapping(arrays, options, str(path), like)
    for named in (arrays, arrays.renamed(lambda name: name.replace("/", "_")), arrays.renamed(_last)):
        if named is not None and has_usual_names(named):
            return from_mapping(named, options, str(path), like)
    wide = [name for name, each in numbers.items() if len(each.shape) > 1]
    if len(wide or numbers) > 1:
        shapes = "several shapes" if len({numbers[name].shape for name in wide}) > 1 else "one shape"
        raise DataError(
            f"{path} has {len(numbers)} arrays of {shapes} ({_shown(numbers)}): expected one with the samples. "
            f"Name it with array={next(iter(wide or numbers))!r}."
        )
    return from_mapping(arrays, replace(options, array=next(iter(wide or numbers))), str(path), like)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An open HDF5 file."""
    h5py = needs("h5py", "hdf5", "Reading HDF5 files")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        said = " ".join(str(error).split())[:120]
        if re.search(r"\block", said):
            raise DataError(f"{path} is open in another program ({said}). Close it, or read a copy.") from error
        raise DataError(f"{path} is damaged or no HDF5 file ({said}). Download or write it again.") from error


def arrays_in(group: Any, path: Path) -> dict[str, Any]:
    """The data sets of a group and its groups, by their paths."""
    found: dict[str, Any] = {}

    def note(name: str, item: Any) -> bool | None:
        if hasattr(item, "shape") and item.shape is not None:
            found[name] = item
        return True if len(found) > MOST_SETS else None  # ends the visit

    group.visititems(note)
    if len(found) > MOST_SETS:
        raise DataError(f"{path} has more than {MOST_SETS:,} arrays: expected one for all samples. Join them first.")
    return found


class Arrays(Mapping[str, np.ndarray]):
    """The arrays of an open file, each read when it is asked for; text as strings."""

    def __init__(self, sets: Mapping[str, Any], path: Path, options: Options) -> None:
        self._sets, self._path, self._options = sets, path, options

    def __getitem__(self, name: str) -> np.ndarray:
        found = self._sets[name]
        needed = int(np.prod(found.shape)) * found.dtype.itemsize
        if needed > self._options.max_bytes:
            raise DataError(
                f"{self._path}: {name} needs {needed} bytes: expected at most max_bytes={self._options.max_bytes}. "
                "If your memory allows it, raise max_bytes."
            )
        values = found[()]
        if values.dtype.kind == "O":
            texts = [
                value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values.ravel()
            ]
            return np.array(texts).reshape(values.shape)
        return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    def renamed(self, name_of: Callable[[str], str]) -> "Arrays | None":
        """The same arrays by other names; None where two would get one name."""
        names = {name_of(name): found for name, found in self._sets.items()}
        return Arrays(names, self._path, self._options) if len(names) == len(self._sets) else None


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _shown(sets: Mapping[str, Any]) -> str:
    return listed([f"{name} {tuple(each.shape)}" for name, each in sets.items()], most=8)
