"""Safetensors: named tensors, read by their names when they are needed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from isthmus.data.arrays import from_mapping
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.errors import DataError


def read_safetensors(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """The tensors of a `.safetensors`, by their names as in an `.npz` (see `from_mapping`), or by `options.array`.

    Raises:
        DataError: the file is damaged, or it isn't plain which tensor holds the samples.
    """
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415  # other formats don't need it

    try:
        with safe_open(path, framework="pt") as file:
            if not file.keys():
                raise DataError(f"{path} contains no tensor: expected one, or X and y.")
            return from_mapping(_Tensors(file), options, str(path), like)
    except (SafetensorError, RuntimeError) as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is damaged or no safetensors file ({said}). Download or write it again.") from error


class _Tensors(Mapping[str, Tensor]):
    """The tensors of an open file, each read when it is asked for."""

    def __init__(self, file: Any) -> None:
        self._file, self._names = file, list(file.keys())

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        return self._file.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
