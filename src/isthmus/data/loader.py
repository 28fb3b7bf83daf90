"""Loaders: samples for a training loop of another library, as PyTorch's DataLoader."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from isthmus.errors import DataError


class Rows(Dataset[Any]):
    """A map-style dataset that reads the samples of a batch together.

    read: (B,) int64 places to (B, *shape) samples. labels: (N,) or None. scaling: of a batch; None for none.
    """

    def __init__(
        self,
        read: Callable[[Tensor], Tensor],
        labels: Tensor | None,
        count: int,
        scaling: Callable[[Tensor], Tensor] | None,
    ) -> None:
        self.read, self.labels, self.count, self.scaling = read, labels, count, scaling

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> Any:
        batch = self.__getitems__([place])
        return tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]

    def __getitems__(self, places: list[int]) -> Any:
        """The batch of these places; PyTorch's fetcher calls this in place of `__getitem__`."""
        chosen = torch.tensor(places, dtype=torch.int64)
        batch = self.read(chosen)
        if self.scaling is not None:
            with torch.no_grad():
                batch = self.scaling(batch)
        return batch if self.labels is None else (batch, self.labels[chosen])


def loader(
    read: Callable[[Tensor], Tensor],
    labels: Tensor | None,
    count: int,
    batch_size: int,
    shuffle: bool,
    scaling: Callable[[Tensor], Tensor] | None,
    seed: int,
    options: Mapping[str, Any],
) -> DataLoader[Any]:
    """See `Samples.loader`."""
    words = {
        "shuffle": shuffle,
        "collate_fn": _as_it_is,
        "generator": torch.Generator().manual_seed(seed),  # without one, PyTorch draws from its global state
        **options,
    }
    try:
        return DataLoader(Rows(read, labels, count, scaling), batch_size, **words)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"DataLoader rejects these options: {' '.join(str(error).split())} Correct or leave them out."
        ) from error


def _as_it_is(batch: Any) -> Any:
    """The batch, which `Rows` has put together already."""
    return batch
