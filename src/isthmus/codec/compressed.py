"""What compressing came to."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Compressed:
    """What compressing came to.

    path: the file. method: of most blocks, "bits-back", "residual", "code" or "picture". samples, numbers, blocks: how
    many there are.
    bytes: of the file, with everything in it. plain: of the numbers themselves, as uint8, float32 or float64.
    bits_per_dimension: of the file, for each number. elbo: the model's negative ELBO in bits per dimension, for
    comparison, on some of the samples; None without a likelihood of exactly these values. model: the bytes of the
    model, which the receiver needs too.
    """

    path: str
    method: str
    samples: int
    numbers: int
    blocks: int
    bytes: int
    plain: int
    bits_per_dimension: float
    elbo: float | None
    model: int

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)
