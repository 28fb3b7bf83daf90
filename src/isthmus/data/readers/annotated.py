"""AnnData: cells by genes with facts about both, as `.h5ad` or in memory.

Source: the format's own description, https://anndata.readthedocs.io/en/latest/fileformat-prose.html.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import as_array, dense
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.readers import hdf5
from isthmus.errors import DataError, nearest

PLACES = ("layers", "obsm")
"""Groups with further matrices of the same cells."""
RAW = "raw/X"
"""The counts before any genes were left out and values changed, with genes of their own; `array="raw"` for short."""


def read_h5ad(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """The matrix X of an `.h5ad`, or the matrix that `options.array` names, as a table with a column for each gene.

    That is a layer, "raw" for the raw counts with all their genes, or a matrix of `obsm`, such as "X_pca".

    `options.label` names a column of `obs`, the facts about the cells.

    Raises:
        DataError: the file is damaged, or has no such layer or column.
    """
    with hdf5.opened(path) as file:
        if "obs" not in file or ("X" not in file and "layers" not in file):
            return hdf5.from_file(file, path, options, like)
        return _taken(_File(file), options, str(path), like)


def from_annotated(source: Any, options: Options, called: str) -> Raw:
    """The same of an `AnnData` in memory."""
    return _taken(_Object(source), options, called, None)


def _taken(source: Any, options: Options, called: str, like: Mapping[str, Any] | None) -> Raw:
    matrices = source.matrices()
    name = options.array or "X"
    known = (name, *(f"{place}/{name}" for place in PLACES), f"{name}/X")
    found = next((full for full in known if full in matrices), None)
    if found is None:
        raise DataError(f"array={name!r}: {called} has no such matrix. {nearest(name, matrices)}")
    values = source.values(found, options, called)
    genes = source.genes("raw/var" if found == RAW else "var")
    columns = genes if len(genes) == values.shape[1] and not found.startswith("obsm") else ()
    if options.columns or options.exclude:
        values, columns = _chosen(values, columns, options, called)
    labels = None
    if options.label is not None:
        facts = source.facts()
        if str(options.label) not in facts:
            if not options.forgives("label", like):
                raise DataError(
                    f"label={options.label!r}: {called} has no such column in obs. {nearest(str(options.label), facts)}"
                )
        else:
            labels = source.fact(str(options.label))
    return Raw(values, labels, names=source.cells(), columns=columns, kind=None if options.kind else "table")


def _chosen(
    values: np.ndarray, columns: tuple[str, ...], options: Options, called: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    for option in ("columns", "exclude"):
        for name in getattr(options, option):
            if name not in columns:
                raise DataError(f"{option}={name!r}: {called} has no such gene. {nearest(name, columns)}")
    places = {name: place for place, name in enumerate(columns)}
    kept = [name for name in options.columns or columns if name not in options.exclude]
    return values[:, [places[name] for name in kept]], tuple(kept)


class _Object:
    """An `AnnData`."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def matrices(self) -> dict[str, Any]:
        found = {"X": self.source.X} if self.source.X is not None else {}
        found |= {RAW: self.source.raw.X} if getattr(self.source, "raw", None) is not None else {}
        return found | {
            f"{place}/{name}": each for place in PLACES for name, each in dict(getattr(self.source, place)).items()
        }

    def values(self, name: str, options: Options, called: str) -> np.ndarray:
        matrix = self.matrices()[name]
        if hasattr(matrix, "to_memory"):  # a sparse matrix that is left in its file
            matrix = matrix.to_memory()
        return as_array(matrix[()] if hasattr(matrix, "file") else matrix, options.max_bytes)

    def genes(self, frame: str) -> tuple[str, ...]:
        owner = self.source.raw if frame == "raw/var" else self.source
        return tuple(map(str, owner.var_names))

    def cells(self) -> tuple[str, ...]:
        return tuple(map(str, self.source.obs_names))

    def facts(self) -> list[str]:
        return list(map(str, self.source.obs.columns))

    def fact(self, name: str) -> list[Any]:
        return [None if value != value else value for value in self.source.obs[name].tolist()]  # noqa: PLR0124  # NaN


class _File:
    """An open `.h5ad`."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def matrices(self) -> dict[str, Any]:
        found = {name: self.file[name] for name in ("X", RAW) if name in self.file}
        return found | {
            f"{place}/{name}": each for place in PLACES if place in self.file for name, each in self.file[place].items()
        }

    def values(self, name: str, options: Options, called: str) -> np.ndarray:
        matrix = self.matrices()[name]
        if hasattr(matrix, "shape"):
            needed = int(np.prod(matrix.shape)) * matrix.dtype.itemsize
            if needed > options.max_bytes:
                raise DataError(
                    f"{called}: {name} needs {needed} bytes: expected at most max_bytes={options.max_bytes}. "
                    "Choose fewer genes first, or raise max_bytes."
                )
            return matrix[()]
        from scipy import sparse  # noqa: PLC0415  # some files have none

        kind = str(matrix.attrs.get("encoding-type", "csr_matrix"))
        if not {"data", "indices", "indptr"} <= set(matrix):
            raise DataError(f"{called}: {name} is no matrix of numbers. Name another with array=.")
        made = sparse.csc_matrix if kind.startswith("csc") else sparse.csr_matrix
        shape = tuple(int(size) for size in matrix.attrs["shape"])
        return dense(
            made((matrix["data"][()], matrix["indices"][()], matrix["indptr"][()]), shape), options.max_bytes, called
        )

    def genes(self, frame: str) -> tuple[str, ...]:
        return self._index(frame)

    def cells(self) -> tuple[str, ...]:
        return self._index("obs")

    def facts(self) -> list[str]:
        return [name for name in self.file["obs"] if name not in (self.file["obs"].attrs.get("_index"), "__categories")]

    def fact(self, name: str) -> list[Any]:
        column = self.file["obs"][name]
        if hasattr(column, "shape"):
            return _texts(column[()])
        if "codes" in column:
            categories = _texts(column["categories"][()])
            return [None if code < 0 else categories[code] for code in column["codes"][()].tolist()]
        values, mask = _texts(column["values"][()]), column["mask"][()].tolist()
        return [None if hidden else value for value, hidden in zip(values, mask, strict=True)]

    def _index(self, frame: str) -> tuple[str, ...]:
        if frame not in self.file:
            return ()
        group = self.file[frame]
        index = group[group.attrs.get("_index", "_index")]
        return tuple(map(str, _texts((index if hasattr(index, "shape") else index["values"])[()])))


def _texts(values: np.ndarray) -> list[Any]:
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values.tolist()]
