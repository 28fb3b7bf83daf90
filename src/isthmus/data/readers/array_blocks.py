"""Arrays in blocks: a folder of `.npy` files with the rows of one table, which training reads in every epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from isthmus.data.blocks import Blocks, Read
from isthmus.data.folders import names_in
from isthmus.data.layout import Layout
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.readers.shards import in_parts
from isthmus.errors import DataError


@dataclass(frozen=True)
class ArrayShard:
    """A file of (rows, columns): mapped while a block of it is read, so that no file stays open."""

    path: Path
    rows: int
    columns: int
    dtype: np.dtype

    @classmethod
    def of(cls, path: Path) -> "ArrayShard | None":
        """The file at this path; None if it isn't a table of numbers.

        Raises:
            DataError: it is damaged.
        """
        mapped = _mapped(path)
        if mapped.ndim != 2 or mapped.dtype.kind not in "fiub":
            return None
        rows, columns = mapped.shape
        return cls(path, rows, columns, mapped.dtype)

    def read(self, begin: int, end: int, dtype: np.dtype) -> np.ndarray:
        """Some of its rows.

        Raises:
            DataError: the file has changed.
        """
        mapped = _mapped(self.path)
        if mapped.shape != (self.rows, self.columns):
            raise DataError(
                f"{self.path} has changed since the data were opened: its shape is {mapped.shape} where it was "
                f"{(self.rows, self.columns)}. Restore the old file; isthmus resume then continues a training from its "
                "last checkpoint."
            )
        return mapped[begin:end].astype(dtype)


@dataclass(frozen=True)
class ArrayShards:
    """The files of each part of a folder, "train" first. where: the folder, for messages."""

    parts: Mapping[str, Sequence[ArrayShard]]
    where: str
    plausible = True

    @classmethod
    def of(cls, folder: Path, options: Options) -> "ArrayShards | None":
        """Those of a folder that has no other files; None if it has, or if an array isn't a table.

        Raises:
            DataError: a file is damaged, or the tables have different numbers of columns.
        """
        names = names_in(folder, options)
        if not names or not all(name.lower().endswith(".npy") for name in names):
            return None
        parts: dict[str, list[ArrayShard]] = {}
        for part, some in in_parts(names, str(folder)).items():
            found = [ArrayShard.of(folder / name) for name in some]
            tables = [shard for shard in found if shard is not None]
            if len(tables) < len(found):
                return None
            parts[part] = tables
        check_widths({str(shard.path): shard.columns for some in parts.values() for shard in some})
        return cls({part: some for part, some in parts.items() if some}, str(folder))

    @property
    def dtype(self) -> np.dtype:
        """That of the values: half precision is read as single precision, which models compute in."""
        found = np.result_type(*(shard.dtype for some in self.parts.values() for shard in some))
        return np.dtype(np.float64) if found in (np.float64, np.int64, np.uint64) else np.dtype(np.float32)

    @property
    def bytes(self) -> int:
        """The bytes of memory that all values need."""
        every = (shard.rows * shard.columns for some in self.parts.values() for shard in some)
        return self.dtype.itemsize * sum(every)

    def raw(self, options: Options) -> Raw:
        """The rows as `Blocks`, about `IN_WINDOW` of them in a window of `options.shuffle_bytes`."""
        made = {}
        for part, shards in self.parts.items():
            columns = shards[0].columns
            layout = Layout.of(
                [shard.rows for shard in shards], columns * self.dtype.itemsize, options.shuffle_bytes, len(shards)
            )
            blocks = Blocks(layout.starts, (columns,), self.dtype, _reader(shards, layout, self.dtype))
            made[part] = Raw(blocks, kind="table", layout=layout)  # pyright: ignore[reportArgumentType]
        return replace(made.pop("train"), parts=made)


def check_widths(columns: Mapping[str, int]) -> None:
    """Raise DataError unless the tables of these names have as many columns."""
    first, wanted = next(iter(columns.items()))
    for name, count in columns.items():
        if count != wanted:
            raise DataError(
                f"{name} has {count} columns, but {first} has {wanted}: expected shards of one table. Remove it from "
                "the folder."
            )


def _reader(shards: Sequence[ArrayShard], layout: Layout, dtype: np.dtype) -> Read:
    filled = [shard for shard in shards if shard.rows]
    firsts = np.concatenate([[0], np.cumsum([shard.rows for shard in filled])])

    def read(number: int) -> np.ndarray:
        begin, end = layout.starts[number : number + 2].tolist()
        place = int(layout.groups[number])
        return filled[place].read(begin - int(firsts[place]), end - int(firsts[place]), dtype)

    return read


def _mapped(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is damaged, or no array that NumPy saved ({error}). Write it again with np.save."
        ) from error
