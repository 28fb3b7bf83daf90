"""HDF5: the arrays of a file, by their paths in it."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import from_mapping
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
    values = {
        name: _Set(each, path, options) for name, each in sets.items() if each.shape and each.dtype.kind in "biufV"
    }
    others = {name: _Set(each, path, options) for name, each in sets.items() if name not in values and each.shape}
    if not values:
        raise DataError(f"{path} contains no array of numbers: expected one, or X and y. It has {_shown(sets)}.")
    if options.array is None:
        short = {name.rpartition("/")[2].lower() for name in values}
        wide = [name for name in values if sets[name].ndim > 1]
        if len(wide) == 1 and not any(name in short for name in ("x", "data", "x_train")):
            return from_mapping({**values, **others}, _with_array(options, wide[0], like), str(path), like)
        if len(values) > 1 and not _has_usual_names(values):
            raise DataError(
                f"{path} has {len(values)} arrays of several shapes ({_shown(sets)}): expected one with the samples. "
                f"Name it with array={next(iter(wide or values))!r}."
            )
    elif options.array not in sets and not options.forgives("array", like):
        raise DataError(
            f"array={options.array!r}: {path} has no such array. {nearest(options.array, sets)} It has {_shown(sets)}."
        )
    return from_mapping({**values, **others}, options, str(path), like)


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
        if "lock" in said:
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


class _Set:
    """An array that is read when it is needed; it has a shape before."""

    def __init__(self, data: Any, path: Path, options: Options) -> None:
        self._data, self._path, self._options = data, path, options
        self.shape, self.dtype = tuple(data.shape), data.dtype

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        needed = int(np.prod(self.shape)) * self.dtype.itemsize
        if needed > self._options.max_bytes:
            raise DataError(
                f"{self._path}: {self._data.name} needs {needed} bytes: expected at most "
                f"max_bytes={self._options.max_bytes}. If your memory allows it, raise max_bytes."
            )
        values = self._data[()]
        if values.dtype.kind == "O":  # text
            values = np.array([v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values.ravel()])
            values = values.reshape(self.shape)
        elif values.dtype.kind == "S":
            values = np.char.decode(values, "utf-8", "replace")
        return values if dtype is None else values.astype(dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(np.asarray(self).tolist())


def _has_usual_names(values: Mapping[str, Any]) -> bool:
    names = {name.lower() for name in values}
    return any(
        name in names or f"{name}_train" in names or f"train_{name}" in names
        for name in ("x", "data", "images", "values", "samples", "features")
    )


def _with_array(options: Options, name: str, like: Mapping[str, Any] | None) -> Options:
    from dataclasses import replace  # noqa: PLC0415

    return replace(options, array=name)


def _shown(sets: Mapping[str, Any]) -> str:
    return listed([f"{name} {tuple(each.shape)}" for name, each in sets.items()], most=8)
