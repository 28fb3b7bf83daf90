"""The description of data: what a saved model needs to know of them, and to tell that they are still the same."""

import hashlib
from typing import Any

import numpy as np

from isthmus.data.samples import Samples

HASHED_WHOLE = 256 * 2**20  # bytes; of larger parts, rows spread over them
SPREAD = 4096


def fingerprint(parts: dict[str, Samples]) -> str:
    """sha256 over the parts' shapes, values and labels; over `SPREAD` rows of a part larger than `HASHED_WHOLE`."""
    digest = hashlib.sha256()
    for name, part in parts.items():
        digest.update(f"{name} {len(part)} {part.shape} {part.dtype} {part.kind} {part.columns}".encode())
        if part.categories:
            digest.update(str(part.categories).encode())
        if len(part):
            for batch in _seen(part):
                digest.update(np.ascontiguousarray(batch).data)
        if part.labels is not None:
            digest.update(str(part.label_names).encode())
            digest.update(part.labels.numpy().data)
    return digest.hexdigest()


def _seen(part: Samples) -> Any:
    row = int(np.prod(part.shape)) * (1 if part.dtype == "uint8" else 4)
    if row * len(part) <= HASHED_WHOLE:
        return (batch.numpy() for batch in part.batches(SPREAD))
    rows = np.linspace(0, len(part) - 1, SPREAD).round().astype(np.int64)
    return (batch.numpy() for batch in part.take(rows).batches(256))
