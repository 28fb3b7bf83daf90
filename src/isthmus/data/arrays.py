"""Arrays: NumPy and torch in memory, `.npy` (memory-mapped if large) and `.npz`."""

import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from isthmus.data.options import Options
from isthmus.data.part_names import PARTS, split_name
from isthmus.data.raw import Raw
from isthmus.data.series import pad
from isthmus.errors import DataError, nearest
from isthmus.options.reading import MAX_BYTES

MAPPED_FROM = 64 * 2**20  # bytes; a smaller file is as well in memory
VALUES = ("x", "data", "images", "imgs", "values", "samples", "features")
SPARSE = {"format", "shape", "data"}
"""Arrays of a sparse matrix in an `.npz`."""
FACTORS = ("factors", "latents_classes")
"""The names of a table of factors; the second is that of dSprites. "factor_names" are their names."""
LABELS = ("y", "labels", "label", "target", "targets")


def from_memory(values: Any, labels: Any = None, max_bytes: int = MAX_BYTES) -> Raw:
    """The samples in `values` (an array, a tensor, nested lists of numbers), with `labels` if given.

    A list of arrays of different lengths is a set of series.

    Raises:
        DataError: they don't make an array of numbers, or a sparse one needs more than `max_bytes`.
    """
    if isinstance(values, Tensor):
        return Raw(_in_memory(values, max_bytes), labels)
    if isinstance(values, list | tuple) and (foreign := {kind for kind in set(map(type, values)) if _is_foreign(kind)}):
        values = [as_array(item, max_bytes) if type(item) in foreign else item for item in values]
    try:
        array = as_array(values, max_bytes)
    except ValueError as error:  # lists of different lengths
        if isinstance(error, DataError):
            raise
        return Raw(pad(values), labels, kind="series", channels_first=True)
    if array.dtype.kind == "O" and array.ndim == 1 and all(np.ndim(item) for item in array):
        return Raw(pad(array.tolist()), labels, kind="series", channels_first=True)
    return Raw(array, labels)


def as_array(values: Any, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """An array of any library as one of NumPy: masked values become NaN, bfloat16 becomes float32.

    Raises:
        DataError: it is sparse and needs more than `max_bytes`.
        ValueError: nested lists have different lengths.
    """
    if isinstance(values, Tensor):
        values = _in_memory(values, max_bytes)
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if isinstance(values, np.ma.MaskedArray):
        return filled(values)
    if is_sparse(values):
        return dense(values, max_bytes)
    try:
        array = np.asarray(values)
    except (TypeError, RuntimeError):  # on an accelerator, from which some libraries don't copy unasked
        if not hasattr(values, "__dlpack__"):
            raise
        return as_array(torch.from_dlpack(values), max_bytes)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def filled(array: np.ma.MaskedArray) -> np.ndarray:
    """A masked array with NaN where it is masked; whole numbers become float64 there."""
    if not np.ma.is_masked(array):
        return np.asarray(array.data)
    if array.dtype.names:
        raise DataError("A masked array with fields can't be read: give its fields as a mapping of masked arrays.")
    return np.ma.filled(array.astype(array.dtype if array.dtype.kind == "f" else np.float64), np.nan)


def is_sparse(values: Any) -> bool:
    """Whether this is a sparse matrix or array of SciPy, or of a library that follows it."""
    return hasattr(values, "nnz") and (hasattr(values, "toarray") or hasattr(values, "todense"))


def dense(values: Any, max_bytes: int = MAX_BYTES, called: str = "The sparse matrix") -> np.ndarray:
    """A sparse matrix as float32 with its zeros.

    Raises:
        DataError: that needs more than `max_bytes`.
    """
    needed = 4 * math.prod(values.shape)
    if needed > max_bytes:
        raise DataError(
            f"{called} of shape {tuple(values.shape)} needs {needed} bytes with its zeros: expected at most "
            f"max_bytes={max_bytes}. Choose fewer columns or rows, or raise max_bytes."
        )
    if values.dtype != np.float32:
        values = values.astype(np.float32)
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values.todense())


def _in_memory(values: Tensor, max_bytes: int) -> Tensor:
    """A tensor of any device and layout as a strided one on the CPU, without gradients."""
    values = values.detach()
    if values.layout != torch.strided:
        needed = values.element_size() * values.numel()
        if needed > max_bytes:
            raise DataError(
                f"The sparse tensor of shape {tuple(values.shape)} needs {needed} bytes with its zeros: expected at "
                f"most max_bytes={max_bytes}. Choose fewer columns or rows, or raise max_bytes."
            )
        values = values.to_dense()
    return (values.dequantize() if values.is_quantized else values).cpu()


def _is_foreign(kind: type) -> bool:
    """Whether items of this type in a list need `as_array`, before NumPy puts them side by side with others."""
    if issubclass(kind, Tensor | np.ma.MaskedArray):
        return True
    return not issubclass(kind, np.ndarray) and (hasattr(kind, "__dlpack__") or hasattr(kind, "nnz"))


def from_mapping(
    arrays: Mapping[str, Any], options: Options, where: str = "The mapping", like: Mapping[str, Any] | None = None
) -> Raw:
    """The samples in named arrays: a single array; X and y; or x_train, y_train, x_test, y_test (and x_val, y_val).

    An array "factors", (N, K) whole numbers, holds the factors that the samples were made from.

    With kind="series" and none of these names, each array is one series, named after the array.

    like: description of a model's data; the arrays may have other names than these.

    Raises:
        DataError: no array, or more than one, could be the samples; set `options.array` and `options.label`.
    """
    names = {name.lower(): name for name in arrays}
    asked = {"array": options.array, "label": options.label}
    for option, name in asked.items():
        if name is not None and name not in arrays:
            if not options.forgives(option, like):
                raise DataError(f"{option}={name!r}: {where} has no such array. {nearest(str(name), arrays)}")
            asked[option] = None
    if asked["array"] is None and _named(names, VALUES, "train"):
        found = [part for part in dict.fromkeys(PARTS.values()) if _named(names, VALUES, part)]
        parts = {part: _part(arrays, names, part) for part in found}
        train = parts.pop("train")
        return replace(train, parts=parts)
    labels = asked["label"] or _named(names, LABELS)
    values = asked["array"] or _named(names, VALUES)
    factors = _named(names, FACTORS)
    if values is None:
        rest = [name for name in arrays if name not in (labels, factors, "names", "factor_names")]
        rest = rest or [name for name in arrays if name == factors]
        if len(rest) > 1 and options.kind == "series":
            each = from_memory(
                [arrays[name] for name in rest], None if labels is None else arrays[labels], options.max_bytes
            )
            return replace(each, names=tuple(rest))
        if len(rest) != 1:
            found = "the arrays " + ", ".join(rest[:8]) if rest else "no array of values"
            raise DataError(
                f"{where} has {found}: expected one, or X and y, or x_train and x_test. Name the right one with array=."
            )
        values = rest[0]
    found = from_memory(arrays[values], max_bytes=options.max_bytes)
    called = tuple(map(str, arrays["names"])) if "names" in arrays and values != "names" else ()
    called = called if len(called) == len(found.values) else ()
    return replace(
        found,
        labels=None if labels in (None, values) else arrays[labels],
        names=called,
        factors=None if factors in (None, values) else arrays[factors],
        factor_names=_factor_names(arrays, factors),
    )


def has_usual_names(arrays: Mapping[str, Any]) -> bool:
    """Whether one of the arrays is the samples, or the training part, by its name."""
    names = {name.lower(): name for name in arrays}
    return bool(_named(names, VALUES) or _named(names, VALUES, "train"))


def _part(arrays: Mapping[str, Any], names: dict[str, str], part: str) -> Raw:
    values, labels, factors = (_named(names, known, part) for known in (VALUES, LABELS, FACTORS))
    assert values is not None  # for the caller has found it
    found = from_memory(arrays[values], None if labels is None else arrays[labels])
    if factors is None:
        return found
    return replace(found, factors=arrays[factors], factor_names=_factor_names(arrays, factors))


def _factor_names(arrays: Mapping[str, Any], factors: str | None) -> tuple[str, ...]:
    """The names of the factors' columns, if there are as many."""
    if factors is None or "factor_names" not in arrays:
        return ()
    called = tuple(map(str, np.ravel(arrays["factor_names"]).tolist()))
    return called if len(called) == np.reshape(arrays[factors], (len(arrays[factors]), -1)).shape[1] else ()


def _named(names: dict[str, str], known: tuple[str, ...], part: str | None = None) -> str | None:
    """The array that has one of the `known` names, of `part` where given, whatever its case."""
    if part is None:
        return next((names[name] for name in known if name in names), None)
    split = {name: split_name(written, known) for name, written in names.items()}
    return next((names[name] for word in known for name, found in split.items() if found == (part, word)), None)


def read_npy(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """The array of a `.npy` file, on disk or in memory by `options.memory_map`.

    Raises:
        DataError: the file is damaged, or holds Python objects.
    """
    array = _Npy.of(path)
    mapped = path.stat().st_size > MAPPED_FROM if options.memory_map is None else options.memory_map
    if mapped and 0 not in array.shape:
        return Raw(array.mapped(path))
    with path.open("rb") as file:
        return Raw(npy.read_array(file, allow_pickle=False))


def read_member(file: IO[bytes], name: str, max_bytes: int) -> np.ndarray:
    """The array of an open `.npy`, such as a member of a zip.

    Raises:
        DataError: it is damaged, holds Python objects, or needs more than `max_bytes`.
    """
    try:
        shape, fortran, dtype = _header(file, name)
        size = math.prod(shape) * dtype.itemsize
        if size > max_bytes:
            raise DataError(
                f"{name} needs {size} bytes: expected at most max_bytes={max_bytes}. If you trust it, raise it."
            )
        content = file.read(size)
        if len(content) < size:
            raise DataError(f"{name} is cut short: its header declares {shape} of {dtype}. Download or write it again.")
        return np.frombuffer(bytearray(content), dtype).reshape(shape, order="F" if fortran else "C")
    except (DataError, OSError, MemoryError):
        raise
    except Exception as error:  # as in `_Npy.of`
        raise _damaged(Path(name), error) from error


def npy_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, size: int
) -> tuple[int, Callable[[], Iterator[Raw]]]:
    """The number of samples in a `.npy` file, and the samples, `size` at a time. Unlike mapped ones, they free memory.

    Raises:
        DataError: the file is damaged, or holds Python objects.
    """
    array = _Npy.of(path)
    count, *shape = array.shape

    def pieces() -> Iterator[Raw]:
        if array.fortran:
            mapped = array.mapped(path)
            yield from (Raw(np.array(mapped[start : start + size])) for start in range(0, count, size))
            return
        with path.open("rb") as file:
            file.seek(array.start)
            for start in range(0, count, size):
                rows = min(size, count - start)
                flat = np.fromfile(file, array.dtype, rows * math.prod(shape))
                yield Raw(flat.reshape(rows, *shape))

    return count, pieces


@dataclass(frozen=True)
class _Npy:
    """The layout of a `.npy` file; its values begin at the byte `start`."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    start: int

    @classmethod
    def of(cls, path: Path) -> Self:
        size = path.stat().st_size
        try:
            with path.open("rb") as file:
                found = cls(*_header(file, path.name), file.tell())
        except (DataError, OSError, MemoryError):
            raise
        except Exception as error:  # a damaged header goes through Python's own parser, with errors of every kind
            raise _damaged(path, error) from error
        if math.prod(found.shape) * found.dtype.itemsize > size - found.start:
            raise DataError(
                f"{path} is cut short: its header declares {found.shape} of {found.dtype}, but it has {size} bytes. "
                "Download or write it again."
            )
        return found

    def mapped(self, path: Path) -> np.memmap:
        """The array, left on disk."""
        order = "F" if self.fortran else "C"
        return np.memmap(path, dtype=self.dtype, shape=self.shape, order=order, mode="r", offset=self.start)


def read_npz(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """The arrays of a `.npz` file, by their names (see `from_mapping`).

    Raises:
        DataError: the file is damaged, contains Python objects or no arrays, or unpacks to more than the limit.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {m.filename.removesuffix(".npy"): m for m in archive.infolist() if m.filename.endswith(".npy")}
            if not members:
                raise DataError(f"{path} contains no array: expected one, or X and y. Write it with numpy.savez.")
            unpacked = sum(member.file_size for member in members.values())
            if unpacked > max(options.max_bytes, path.stat().st_size):
                raise DataError(
                    f"{path} unpacks to {unpacked} bytes: expected at most max_bytes={options.max_bytes}. "
                    "If you trust it, raise max_bytes."
                )
            found = _Members(archive, members, path)
            return (
                _sparse(path, found, options)
                if set(members) >= SPARSE
                else from_mapping(found, options, str(path), like)
            )
    except (DataError, OSError, MemoryError):
        raise
    except Exception as error:  # zipfile, zlib, and as above
        raise _damaged(path, error) from error


def _sparse(path: Path, members: Mapping[str, np.ndarray], options: Options) -> Raw:
    """A matrix as `scipy.sparse.save_npz` writes it, with its zeros."""
    from scipy import sparse  # noqa: PLC0415  # a part of SciPy that other arrays don't need

    shape = tuple(members["shape"].tolist())
    kind = str(np.asarray(members["format"]).astype(str))
    if kind not in ("csr", "csc"):
        return Raw(dense(sparse.load_npz(path), options.max_bytes, str(path)), kind=None if options.kind else "table")
    parts = (members["data"], members["indices"], members["indptr"])
    made = sparse.csr_matrix(parts, shape) if kind == "csr" else sparse.csc_matrix(parts, shape)
    return Raw(dense(made, options.max_bytes, str(path)), kind=None if options.kind else "table")


class _Members(Mapping[str, np.ndarray]):
    """The arrays of an open `.npz`, each read when it is asked for."""

    def __init__(self, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], path: Path) -> None:
        self._archive, self._members, self._path = archive, members, path

    def __getitem__(self, name: str) -> np.ndarray:
        member = self._members[name]
        with self._archive.open(member) as stream:
            shape, _, dtype = _header(stream, f"{self._path.name}, array {name!r},")
            # otherwise NumPy would allocate the size in a false header before it reads a byte
            if math.prod(shape) * dtype.itemsize > member.file_size:
                raise EOFError(f"array {name!r} is shorter than its header says")
        with self._archive.open(member) as stream:
            return npy.read_array(stream, allow_pickle=False)

    def __iter__(self):
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def _header(file: IO[bytes], called: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if any(type(size) is not int or size < 0 for size in shape) or math.prod(max(1, size) for size in shape) >= 2**60:
        raise DataError(f"{called} is damaged: its header declares the shape {shape}. Download or write it again.")
    if dtype.hasobject:
        raise DataError(
            f"{called} contains Python objects (pickle), which can run code and are never read: expected numbers. "
            "Save it as numbers, for example with np.save(path, x.astype('float32'))."
        )
    return shape, fortran, dtype


def _damaged(path: Path, error: Exception) -> DataError:
    said = " ".join(str(error).split())[:120]
    return DataError(f"{path} is damaged or has the wrong suffix ({said}). Download or write it again.")
