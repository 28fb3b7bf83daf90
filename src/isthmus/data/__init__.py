"""Samples from arrays, tables, files and picture folders: read, split, scaled, described, written."""

from typing import TYPE_CHECKING, Any

from isthmus.data.open import open_data, reopen
from isthmus.data.options import Options
from isthmus.data.read import read_samples
from isthmus.data.samples import Data, Samples
from isthmus.data.scaling import Scaling

if TYPE_CHECKING:
    from isthmus.data.write import write_samples

__all__ = ["Data", "Options", "Samples", "Scaling", "open_data", "read_samples", "reopen", "write_samples"]


def __getattr__(name: str) -> Any:
    if name == "write_samples":  # Arrow comes with it, which who only reads pictures or arrays needn't wait for
        from isthmus.data.write import write_samples  # noqa: PLC0415

        return write_samples
    raise AttributeError(f"module 'isthmus.data' has no attribute {name!r}")
