"""PyTorch's map-style datasets: each item is a sample, or a sample and its label."""

from dataclasses import replace
from typing import Any

import numpy as np
from PIL.Image import Image
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from isthmus.data.arrays import from_memory
from isthmus.data.options import Options
from isthmus.data.pictures import decode
from isthmus.data.raw import Raw
from isthmus.errors import DataError


def from_dataset(dataset: Dataset[Any], options: Options, labels: Any = None) -> Raw:
    """All items of `dataset`, read once and in order. Bytes stay bytes: Pillow pictures and uint8 tensors.

    The labels' names are the dataset's `classes`, if it has them and its labels are their numbers.

    labels: a class for each sample, instead of the dataset's own.

    Raises:
        DataError: it has no length, an item is neither a sample nor a (sample, label), or the samples don't make an
            array.
    """
    called = type(dataset).__name__
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise DataError(
            f"the {called} has no length: expected a map-style dataset, with __len__ and __getitem__. "
            "Read its samples into an array first, or write them to a .npy file."
        )
    count = len(dataset)  # pyright: ignore[reportArgumentType]  # it has a length: see above
    if not count:
        raise DataError(f"the {called} is empty (0 items): expected at least one sample.")
    samples, own, pictures = [], [], 0
    for place in range(count):
        sample, *label = _parts(dataset[place], called, place)
        own += label
        pictures += isinstance(sample, Image)
        samples.append(_array(sample, f"item {place} of the {called}", options))
    if len(own) not in (0, count):
        raise DataError(
            f"the {called} has {len(own)} labels for {count} samples: expected one for each sample, or none. "
            "Give the labels with labels=."
        )
    raw = from_memory(samples, labels if labels is not None else own or None)
    if pictures == count and raw.values.ndim == 4:
        raw = replace(raw, kind="pictures", channels_first=True)
    names = tuple(map(str, getattr(dataset, "classes", ())))
    numbered = all(isinstance(label, int) and 0 <= label < len(names) for label in own)
    return replace(raw, label_names=names) if own and labels is None and numbered else raw


def _parts(item: Any, called: str, place: int) -> list[Any]:
    """The sample of an item and, where it has one, its label."""
    parts = list(item) if isinstance(item, tuple | list) else [item]
    if len(parts) not in (1, 2) or not isinstance(parts[0], Tensor | np.ndarray | Image):
        kinds = ", ".join(type(part).__name__ for part in parts)
        raise DataError(
            f"Item {place} of the {called} is ({kinds}): expected a tensor, an array or a Pillow picture, alone or "
            "with its label. Wrap the dataset in one whose __getitem__ returns (sample, label)."
        )
    return [parts[0], *(_scalar(label) for label in parts[1:])]


def _scalar(label: Any) -> Any:
    array = np.asarray(label) if isinstance(label, Tensor | np.ndarray | np.generic) else None
    return label if array is None or array.size != 1 else array.item()


def _array(sample: Any, called: str, options: Options) -> np.ndarray:
    if isinstance(sample, Image):
        return decode(sample, called, options)[0]
    return sample.detach().cpu().numpy() if isinstance(sample, Tensor) else sample
