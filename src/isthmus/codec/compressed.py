"""What compressing came to."""

from dataclasses import asdict, dataclass
from typing import Any

from isthmus.formatting import number
from isthmus.shown import Card, Shown


@dataclass(frozen=True, repr=False)
class Compressed(Shown):
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

    def _card(self) -> Card:
        words = f"{self.samples:,} samples in {self.bytes:,} bytes, {number(self.plain / max(1, self.bytes))} : 1"
        facts = {
            "file": self.path,
            "method": self.method,
            "bits per number": number(self.bits_per_dimension),
            "negative ELBO": "" if self.elbo is None else f"{number(self.elbo)} bits per number",
            "without compression": f"{self.plain:,} bytes",
            "the model, which the receiver needs too": f"{self.model:,} bytes",
        }
        return Card(words, {name: value for name, value in facts.items() if value})
