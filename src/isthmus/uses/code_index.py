"""An index of codes: those of a source, with which the codes of other samples are compared."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data.stream import Stream
from isthmus.errors import DataError, RunError, UseError
from isthmus.measures.hamming import nearest_bits, pack
from isthmus.measures.nearest import nearest_rows
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.store import fingerprint
from isthmus.shown import Card, Shown
from isthmus.storage.checked import damaged, load_tensors, save_tensors
from isthmus.trained import TrainedModel


@dataclass(frozen=True, eq=False, repr=False)
class CodeIndex(Shown):
    """The codes of N samples.

    codes: (N, bytes) uint8, packed bits of a binary code; or (N, D) float32 of any other. binary: which of the two.
    model: the fingerprint of the model that made them. source: the name of the samples' source. names: of the samples,
    if they have any.
    """

    codes: np.ndarray
    binary: bool
    model: str
    source: str
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def of(cls, run: TrainedModel, stream: Stream, source: str, progress: Any = None) -> "CodeIndex":
        """The codes of a stream of samples; of a binary code, a million of 64 bits take 8 MB.

        Raises:
            DataError: there are no samples.
        """
        codes, names, done = [], [], 0
        for piece, made in stream.through(lambda samples: numbers_of(run.model, run.encode(samples))):
            codes.append(made)
            names += piece.names
            done += len(piece)
            if progress is not None:
                progress(done, stream.count)
        if not done:
            raise DataError(f"{source} has no samples: expected at least one to search. Give another source.")
        binary = run.model.code.binary
        return cls(np.concatenate(codes), binary, fingerprint(run.model), source, tuple(names) * (len(names) == done))

    def nearest(self, codes: Tensor, model: Autoencoder, k: int) -> tuple[Tensor, Tensor]:
        """The k nearest to each of (Q, *code): (Q, k) distances, ascending, and (Q, k) int64 rows.

        Distances are differing bits (int64) or Euclidean (float32).

        Raises:
            UseError: the index was made with another model.
        """
        if fingerprint(model) != self.model:
            raise UseError(
                f"This index of {self.source} was made with another model. Build it again with this run, or give the "
                "run that it was made with."
            )
        asked = numbers_of(model, codes)
        if self.binary:
            distances, rows = nearest_bits(self.codes, asked, k)
            return torch.from_numpy(distances), torch.from_numpy(rows)
        return nearest_rows(torch.from_numpy(asked), torch.from_numpy(self.codes), k)

    def save(self, path: str | Path) -> None:
        """Write it as one safetensors file, whole or not at all."""
        names = np.frombuffer(json.dumps(self.names).encode(), np.uint8)  # too many for the notes, which have a limit
        tensors = {"codes": torch.from_numpy(self.codes), "names": torch.from_numpy(names.copy())}
        save_tensors(path, tensors, {"index": self.binary, "model": self.model, "source": self.source})

    @classmethod
    def load(cls, path: str | Path) -> "CodeIndex":
        """The index that `save` wrote.

        Raises:
            RunError: the file is missing, damaged, or holds something else.
        """
        tensors, notes = load_tensors(path)
        if not isinstance(notes, dict) or notes.keys() != {"index", "model", "source"}:
            raise RunError(f"{path} is not an index of codes: expected a file written by `isthmus search --index`.")
        with damaged(Path(path)):
            codes, names = tensors["codes"].numpy(), json.loads(tensors["names"].numpy().tobytes())
            binary = bool(notes["index"])
            wanted = np.uint8 if binary else np.float32
            if codes.ndim != 2 or codes.dtype != wanted or (binary and codes.shape[1] % 8):
                raise ValueError(f"its codes are {codes.dtype} {codes.shape}")
            if names and len(names) != len(codes):
                raise ValueError(f"it has {len(names)} names for {len(codes)} codes")
            return cls(codes, binary, str(notes["model"]), str(notes["source"]), tuple(map(str, names)))

    def _card(self) -> Card:
        kind = "bytes of packed bits" if self.binary else "numbers"
        return Card(f"{len(self):,} codes of {self.source}, {self.codes.shape[1]} {kind} each")


def numbers_of(model: Autoencoder, codes: Tensor) -> np.ndarray:
    """(N, *code) codes to (N, bytes) packed bits of a binary code, or to (N, D) float32."""
    flat = codes.flatten(1)
    if not model.code.binary:
        return flat.float().numpy()
    assert model.code.range is not None
    return pack((flat > sum(model.code.range) / 2).numpy())
