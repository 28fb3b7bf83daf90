"""A block: samples that are coded together."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Block:
    """Samples that are coded together. raw: (N, *shape) uint8, float32 or float64; NaN where a number is missing."""

    raw: Tensor

    @property
    def observed(self) -> Tensor | None:
        """(N, D) False where a number is missing; None if none is."""
        if not self.raw.is_floating_point():
            return None
        missing = self.raw.flatten(1).isnan()
        return ~missing if bool(missing.any()) else None
