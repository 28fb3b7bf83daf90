"""Arrays in files of their own: each `.npy` of a folder, zip or list is a sample, or a piece of one table."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from isthmus.data.arrays import from_memory, read_member
from isthmus.data.entries import Division, Entry, divide
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.readers.array_blocks import check_widths
from isthmus.errors import DataError


def read_arrays(entries: Sequence[Entry], options: Options, where: str) -> Raw:
    """The arrays as one set, or as parts by their folders; the first folder of each is its label.

    Arrays of different lengths are series. With `kind="table"`, arrays (rows, columns) are pieces of one table, whose
    rows are the samples, in the natural order of the files' names.

    Raises:
        DataError: an array is damaged, or their shapes don't fit.
    """
    division, places = divide(entries, where), {entry.name: place for place, entry in enumerate(entries)}
    raws = {
        part: _read(sorted(some, key=lambda entry: places[entry.name]), options, where, division)
        for part, some in division.parts.items()
    }
    return replace(raws.pop("train"), parts=raws)


def _read(entries: Sequence[Entry], options: Options, where: str, division: Division) -> Raw:
    arrays: list[np.ndarray] = []
    size = 0
    for entry in entries:
        with entry.open() as file:
            arrays.append(read_member(file, entry.name, options.max_bytes))
        size += arrays[-1].nbytes
        if size > options.max_bytes:
            raise DataError(
                f"{where} needs more than max_bytes={options.max_bytes}. If your memory allows it, raise it."
            )
    names = [entry.name for entry in entries]
    if options.kind == "table" and arrays and all(array.ndim == 2 for array in arrays):
        check_widths({f"{where}/{name}": array.shape[1] for name, array in zip(names, arrays, strict=True)})
        return from_memory(np.concatenate(arrays))
    return replace(from_memory(arrays, division.labels(names)), names=tuple(names))
