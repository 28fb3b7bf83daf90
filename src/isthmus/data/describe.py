"""The description of data: the facts that a saved model needs, and a fingerprint that detects changes."""

import hashlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from isthmus.data.precision import spread
from isthmus.data.samples import SIZES, Samples

HASHED_WHOLE = 256 * 2**20  # bytes; of larger parts, rows spread over them
SPREAD = 4096
BATCH = 2**24  # bytes of rows that are copied at a time


def fingerprint(parts: dict[str, Samples]) -> str:
    """sha256 over the parts' shapes, values and labels; at most `SPREAD` rows of a part larger than `HASHED_WHOLE`."""
    digest = hashlib.sha256()
    for name, part in parts.items():
        digest.update(f"{name} {len(part)} {part.shape} {part.dtype} {part.kind} {part.columns}".encode())
        if part.categories:
            digest.update(str(part.categories).encode())
        if len(part):
            for batch in _seen(part):
                digest.update(np.ascontiguousarray(batch.numpy()).data)
        if part.labels is not None:
            digest.update(str(part.label_names).encode())
            digest.update(part.labels.numpy().data)
    return digest.hexdigest()


def _seen(part: Samples) -> Iterator[Tensor]:
    """The rows to hash, a few at a time, to limit the memory for copies."""
    row = int(np.prod(part.shape)) * SIZES[part.dtype]
    size = max(1, BATCH // max(1, row))
    if row * len(part) <= HASHED_WHOLE:
        return part.batches(size)
    rows = spread(len(part), SPREAD)
    return (part.batch(some) for some in torch.from_numpy(rows).split(size))
