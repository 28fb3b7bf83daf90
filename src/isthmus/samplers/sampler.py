"""The base of all samplers: they draw codes of one shape, and are saved without pickle."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from isthmus.shown import Shown
from isthmus.storage.checked import save_tensors


@dataclass(frozen=True, repr=False)
class Sampler(Shown):
    """Draws codes of one shape. It consists only of tensors and a few facts, and is saved as such."""

    kind: ClassVar[str]

    shape: tuple[int, ...]

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *shape) codes, float32; the same generator state gives the same draws."""
        return self._flat(count, generator).float().reshape(count, *self.shape)

    def save(self, path: str | Path) -> None:
        """Write it as one safetensors file, whole or not at all."""
        save_tensors(path, self._tensors(), {"sampler": self.kind, "shape": list(self.shape)} | self._facts())

    @classmethod
    def restored(cls, shape: tuple[int, ...], tensors: dict[str, Tensor], notes: Mapping[str, Any]) -> Self:
        """The sampler from what `save` wrote.

        Raises:
            ValueError, TypeError, KeyError: the tensors don't fit.
        """
        made = cls(shape, **tensors)
        made.check()
        return made

    def check(self) -> None:
        """Raise ValueError unless the tensors fit each other and the shape, and are finite."""
        sizes = self._sizes()
        for name, tensor in self._tensors().items():
            kind = torch.int64 if name == "near" else torch.float32
            if tensor.shape != sizes[name] or tensor.dtype != kind or not bool(tensor.isfinite().all()):
                raise ValueError(
                    f"{name} is {tensor.dtype} {tuple(tensor.shape)} instead of {kind} {sizes[name]}, or not finite"
                )

    def _sizes(self) -> dict[str, tuple[int, ...]]:
        """The shape that each tensor must have."""
        raise NotImplementedError

    def _flat(self, count: int, generator: torch.Generator) -> Tensor:
        raise NotImplementedError

    def _facts(self) -> dict[str, Any]:
        """What is saved in addition to the tensors."""
        return {}

    def _tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
