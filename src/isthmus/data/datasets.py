"""Items: what datasets, loaders and iterators give one by one: samples, samples with labels, rows, texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL.Image import Image
from torch import Tensor

from isthmus.data.arrays import LABELS, VALUES, as_array, from_memory
from isthmus.data.options import Options
from isthmus.data.pictures import decode
from isthmus.data.raw import Raw
from isthmus.errors import DataError, nearest
from isthmus.formatting import listed

FIELDS = (*VALUES, "image", "img", "pixel_values", "input", "inputs", "sample", "signal", "text")
"""Names of the field that holds the sample, in items that are mappings."""
LEAST = 64
"""Bytes that an item takes at least, so that an endless iterator of small items has an end."""


@dataclass(frozen=True)
class Items:
    """Items that are read once, in order.

    called: the name of their source in messages. classes: names of the labels, if these are numbers.
    """

    items: Iterator[Any]
    called: str
    classes: tuple[str, ...] = ()


def from_items(items: Items, options: Options) -> Any:
    """All items: arrays as `Raw`, rows of numbers and words as an Arrow table, texts as `(texts, labels)`.

    An item is a sample, (sample, label), or a mapping that has them as fields. Bytes stay bytes: Pillow pictures and
    uint8 tensors.

    Raises:
        DataError: an item is none of these, only some have labels, or they need more than `options.max_bytes`.
    """
    samples: list[Any] = []
    labels: list[Any] = []
    size, pictures, rows, place = 0, 0, [], -1
    for place, item in enumerate(items.items):
        where = f"Item {place} of {items.called}"
        if isinstance(item, Mapping) and (rows or not place) and _is_row(item):
            rows.append(dict(item))
            size += LEAST * len(item)
        else:
            sample, *label = _fields(item, where, options) if isinstance(item, Mapping) else _parts(item, where)
            labels += label
            pictures += isinstance(sample, Image)
            samples.append(_as_sample(sample, where, options))
            size += max(LEAST, getattr(samples[-1], "nbytes", 0))
        if size > options.max_bytes:
            raise DataError(
                f"{items.called} needs more than max_bytes={options.max_bytes} of memory ({place + 1:,} items so far). "
                "Give fewer samples, raise max_bytes, or write them to a .npy file."
            )
    if rows:
        return as_table(rows, items.called)
    if place < 0:
        raise DataError(f"{items.called} is empty (0 items): expected at least one sample.")
    if len(labels) not in (0, len(samples)):
        raise DataError(
            f"{items.called} has {len(labels)} labels for {len(samples)} samples: expected one for each sample, or "
            "none. Give the labels with labels=."
        )
    if all(isinstance(sample, str) for sample in samples):
        return (samples, labels) if labels else samples
    return _raw(samples, labels, pictures, items)


def items_of_loader(loader: Any, options: Options, called: str) -> Any:
    """The samples of a loader's batches, as from `from_items`. A batch is (samples, labels), samples or a mapping.

    Raises:
        DataError: a batch is none of these.
    """

    def singly() -> Iterator[Any]:
        if loader.batch_sampler is None and loader.batch_size is None:  # it gives items, not batches
            yield from loader
            return
        for batch in loader:
            if isinstance(batch, Mapping):
                names = list(batch)
                yield from (dict(zip(names, item, strict=True)) for item in zip(*batch.values(), strict=True))
            elif isinstance(batch, tuple | list) and all(isinstance(one, Tensor | np.ndarray) for one in batch):
                items = map(list, zip(*batch, strict=True))
                yield from (item if len(batch) > 1 else item[0] for item in items)
            else:
                yield from batch

    return from_items(Items(singly(), called), options)


def as_table(rows: Sequence[Mapping[Any, Any]], called: str) -> Any:
    """Rows, a mapping from columns to cells each, as an Arrow table. What a row lacks is missing.

    Raises:
        DataError: a column holds cells of different types.
    """
    import pyarrow as pa  # noqa: PLC0415  # some 40 MB that other items don't need

    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {str(name): [_scalar(row.get(name)) for row in rows] for name in names}
    try:
        return pa.table({name: column_of(cells) for name, cells in columns.items()})
    except (pa.ArrowException, TypeError, ValueError) as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{called} has rows that make no table ({said}): expected numbers and text.") from error


def column_of(cells: Sequence[Any]) -> Any:
    """Cells as an Arrow array; whole numbers and fractions become fractions, other mixtures text."""
    import pyarrow as pa  # noqa: PLC0415  # as above

    try:
        return pa.array(cells, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        there = {type(cell) for cell in cells if cell is not None}
        if there <= {int, float, bool, np.float64, np.float32, np.int64}:
            return pa.array([None if cell is None else float(cell) for cell in cells], from_pandas=True)
        return pa.array([None if cell is None or cell != cell else str(cell) for cell in cells])  # noqa: PLR0124  # NaN


def _is_row(item: Mapping[str, Any]) -> bool:
    """Whether an item is a row of a table: no field is an array, a picture or a nested list."""
    return not any(_is_sample(value) or _is_nested(value) for value in item.values())


def _is_nested(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], list | tuple)


def _fields(item: Mapping[str, Any], where: str, options: Options) -> list[Any]:
    """The sample and the label of an item that is a mapping, by the names of its fields."""
    for option in ("array", "label"):
        name = getattr(options, option)
        if name is not None and name not in item:
            raise DataError(f"{option}={name!r}: {where} has no such field. {nearest(str(name), map(str, item))}")
    names = {str(name).lower(): name for name in item}
    label = options.label if options.label is not None else next((names[n] for n in LABELS if n in names), None)
    sample = options.array or next((names[n] for n in FIELDS if n in names and names[n] != label), None)
    if sample is None:
        large = [name for name, value in item.items() if name != label and _is_sample(value)]
        if len(large) != 1:
            raise DataError(
                f"{where} has the fields {listed(list(map(str, item)))}: expected one with the sample, such as "
                "'image', and perhaps 'label'. Name it with array=."
            )
        sample = large[0]
    value = item[sample] if _is_sample(item[sample]) else np.asarray(item[sample])
    return [value] if label is None else [value, _scalar(item[str(label)])]


def _is_sample(value: Any) -> bool:
    return isinstance(value, Image) or (isinstance(value, Tensor | np.ndarray) and value.ndim > 0)


def _parts(item: Any, where: str) -> list[Any]:
    """The sample of an item and, where it has one, its label."""
    if isinstance(item, str):
        return [item]
    if isinstance(item, tuple | list) and item and not _holds_sample(item[0]) and _is_numbers(item):
        return [np.asarray(item)]  # a row of numbers
    parts = list(item) if isinstance(item, tuple | list) else [item]
    if len(parts) not in (1, 2) or not _holds_sample(parts[0]):
        kinds = ", ".join(type(part).__name__ for part in parts)
        raise DataError(
            f"{where} is ({kinds}): expected a tensor, an array, a Pillow picture or a text, alone or with its label. "
            "Wrap the dataset in one whose __getitem__ returns (sample, label)."
        )
    if len(parts) == 1:
        return parts
    label = _scalar(parts[1])
    if np.ndim(label) and _is_sample(parts[0]) and np.shape(label) == np.shape(parts[0]):
        if np.array_equal(as_array(label), as_array(parts[0]), equal_nan=True):
            return parts[:1]  # an autoencoder's target is its input
        raise DataError(
            f"{where} is a pair of samples of shape {tuple(np.shape(label))}: expected a sample and its label. "
            "If one is the damaged version of the other, give open_data(clean, damaged=damaged)."
        )
    return [parts[0], label]


def _holds_sample(value: Any) -> bool:
    return isinstance(value, Tensor | np.ndarray | Image | str) or hasattr(value, "__array__")


def _is_numbers(item: Sequence[Any]) -> bool:
    try:
        return np.asarray(item).dtype.kind in "biuf"
    except (ValueError, TypeError):
        return False


def _scalar(label: Any) -> Any:
    array = as_array(label) if isinstance(label, Tensor | np.ndarray | np.generic) else None
    return label if array is None or array.size != 1 else array.item()


def _as_sample(sample: Any, where: str, options: Options) -> Any:
    if isinstance(sample, Image):
        return decode(sample, where, options)[0]
    return sample if isinstance(sample, str) else as_array(sample)


def _raw(samples: list[Any], labels: list[Any], pictures: int, items: Items) -> Raw:
    """The samples as one array; label names are the classes where the labels are their numbers."""
    if pictures and len(shapes := sorted({sample.shape for sample in samples})) > 1:
        one = "{2} x {1} pixels with {0} channels"
        raise DataError(
            f"{items.called} has pictures of different shapes ({one.format(*shapes[0])}, {one.format(*shapes[-1])}): "
            f"expected one. Resize them with size={shapes[0][1:]}, or convert them with mode='RGB'."
        )
    raw = from_memory(samples, labels or None)
    if pictures == len(samples) and raw.values.ndim == 4:
        raw = replace(raw, kind="pictures", channels_first=True, decoded=True)
    numbered = all(isinstance(label, int) and 0 <= label < len(items.classes) for label in labels)
    return replace(raw, label_names=items.classes) if labels and numbered else raw
