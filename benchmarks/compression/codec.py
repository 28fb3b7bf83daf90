"""Isthmus as one of the tools: the only file that calls `ist.compress` and `ist.decompress`."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import isthmus as ist
from isthmus.storage.files import MODEL
from isthmus.storage.run_folder import WEIGHTS, holds_run

OWN = "Isthmus"
QUALITIES: tuple[float, ...] = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
"""The settings of a lossy run."""


@dataclass(frozen=True)
class Coded:
    """A file and its content. bytes: of the whole file. decoded: with the shape and type of the source.

    seconds: to compress and to decompress.
    """

    bytes: int
    decoded: np.ndarray
    seconds: tuple[float, float]


class Codec:
    """A run as a codec. model_bytes: of the weights and the description of the model, which the receiver needs once."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.model_bytes = sum((folder / name).stat().st_size for name in (WEIGHTS, MODEL))
        self.run = ist.load(folder)

    def code(self, source: np.ndarray, **options: Any) -> Coded:
        """Compress samples or one picture into a file and read it again.

        source: (N, …), or one picture (H, W, 3) or (H, W). options: of `ist.compress`.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "coded.isth"
            began = time.perf_counter()
            ist.compress(self.run, source, file, **options)
            written = time.perf_counter()
            decoded = ist.decompress(file, run=self.run)
            read = time.perf_counter()
            return Coded(file.stat().st_size, _like(decoded, source), (written - began, read - written))

    def lossless(self, source: np.ndarray) -> int:
        """The bytes of a file from which the samples come out exactly as they were.

        Raises:
            ValueError: they did not.
        """
        coded = self.code(source, lossless=True)
        if not np.array_equal(coded.decoded, source):
            raise ValueError(f"The codec {self.name} lost something, though it was to lose nothing.")
        return coded.bytes


def find_codecs(runs: Path | None, name: str) -> list[Codec]:
    """The runs `name`, `name-1`, `name-2`, … in a folder of runs: one codec, or one for each rate."""
    if runs is None:
        return []
    folders = [runs / name, *sorted(runs.glob(f"{name}-[0-9]*"))]
    return [Codec(folder) for folder in folders if holds_run(folder)]


def _like(decoded: Any, source: np.ndarray) -> np.ndarray:
    """Decoded samples or an array with the shape, the order of axes and the type of the source."""
    values = decoded.tensor() if isinstance(decoded, ist.Samples) else decoded
    array = values.numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    if source.shape[-1] == 3 and array.ndim >= 3 and array.shape[-3] == 3:  # channels first
        array = np.moveaxis(array, -3, -1)
    return array.reshape(source.shape).astype(source.dtype)
