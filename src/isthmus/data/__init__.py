"""Samples from arrays, tables, files and picture folders: read, split, scaled, described, written."""

import importlib
from typing import TYPE_CHECKING, Any

from isthmus.data.data import Data
from isthmus.data.open import open_data, reopen
from isthmus.data.options import Options
from isthmus.data.read import read_samples
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.data.stream import stream_samples

if TYPE_CHECKING:
    from isthmus.data.write import open_writer, write_samples

__all__ = [
    "Data",
    "Options",
    "Samples",
    "Scaling",
    "open_data",
    "open_writer",
    "read_samples",
    "reopen",
    "stream_samples",
    "write_samples",
]


def __getattr__(name: str) -> Any:
    if name in ("open_writer", "write_samples"):  # these import Arrow, which reading pictures doesn't need
        return getattr(importlib.import_module("isthmus.data.write"), name)
    raise AttributeError(f"module 'isthmus.data' has no attribute {name!r}")
