"""Samples: the values that a model learns from, with labels, names and further facts."""

import functools
import importlib
import mmap
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from isthmus.data.ahead import ahead
from isthmus.data.blocks import Blocks
from isthmus.data.layout import IN_WINDOW, Layout
from isthmus.data.loader import loader
from isthmus.data.media import Medium
from isthmus.errors import DataError
from isthmus.formatting import listed
from isthmus.options.reading import Kind
from isthmus.shown import Card, Shown

SIZES = {"uint8": 1, "float32": 4, "float64": 8}
"""Bytes of a number, by `Samples.dtype`."""
if TYPE_CHECKING:  # Arrow takes some 40 MB that pictures don't need
    from matplotlib.figure import Figure

    from isthmus.data.schema import Schema


@dataclass(frozen=True, eq=False, repr=False)
class Samples(Shown):
    """N samples of one shape, in raw units and in their original type: bytes stay bytes.

        samples[0]                    # the first sample, a tensor of `shape`
        samples[:10], samples[mask]   # Samples, with their labels and names
        for sample in samples: ...
        samples.loader(batch_size=64, shuffle=True)   # a DataLoader, for other libraries and loops of your own

    values: `(N, *shape)`. A tensor in memory, uint8 or float32, or float64 where float32 would lose a part of the
        spread (see `data.precision`); or a NumPy array that is mapped from a file, of any numeric type; or `Blocks`
        that are read when they are needed. Pictures are
        `(N, C, H, W)`; series `(N, C, T)`, with NaN after the end of shorter ones; tokens `(N, T)`, with 0 after the
        end. Use `batch`, `batches` or `tensor` to read them, because these apply `rows`.
    labels: `(N,)` int64, indices into `label_names`; or None.
    label_names: the name of each label.
    names: the name of each sample (for example its file); or empty.
    kind: "pictures", "table", "series" or "tokens".
    medium: what the values stand for, such as text or sound; None for plain numbers and pictures.
    columns: names of a table's columns; empty if it has none.
    categories: for each column the names of its categories, in the order of the values from 0; () for a numeric
        column. Empty if no column has categories.
    rows: the rows of mapped `values` that belong to these samples, `(N,)` int64; None for all. So a part of a file that
        is larger than memory only needs memory for its row numbers.
    schema: what the columns of a table hold; None for other samples.
    unused: an Arrow table with the N rows of the columns that a model doesn't learn from; or None.
    damaged: `(N, *shape)`, possibly of another shape: the damaged version of each sample; or None.
    groups, spans: `(N,)` and `(N, 2)` int64, which samples belong together when they are divided (see `splits.split`);
        or None.
    layout: how streamed `values` lie on disk: training takes them in an order that reads them quickly (see
        `isthmus.data.in_order`); None for values in memory, and for mapped ones that would fit there.
    factors: `(N, K)` int64, the values of the known factors that each sample was made from, for measures of
        disentanglement; or None. factor_names: their names. No model learns from them.
    precise: whether mapped `values` are read as float64 instead of float32. Of tensors, their type decides.

    Raises:
        DataError: the fields don't agree in length.
    """

    values: Tensor | np.ndarray | Blocks
    labels: Tensor | None = None
    label_names: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    kind: Kind = "table"
    columns: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    rows: np.ndarray | None = field(default=None, repr=False)
    damaged: Tensor | None = field(default=None, repr=False)
    medium: Medium | None = None
    groups: Tensor | None = field(default=None, repr=False)
    spans: Tensor | None = field(default=None, repr=False)
    precise: bool = False
    layout: Layout | None = field(default=None, repr=False)
    schema: "Schema | None" = field(default=None, repr=False)
    unused: Any = field(default=None, repr=False)
    factors: Tensor | None = field(default=None, repr=False)
    factor_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rows = {
            "labels": self.labels,
            "names": self.names or None,
            "damaged": self.damaged,
            "groups": self.groups,
            "spans": self.spans,
            "unused rows": self.unused,
            "rows of factors": self.factors,
        }
        for what, given in rows.items():
            if given is not None and len(given) != len(self):
                raise DataError(f"There are {len(given)} {what} for {len(self)} samples: give one for each sample.")
        if self.categories and len(self.categories) != int(np.prod(self.shape)):
            raise DataError(f"Categories of {len(self.categories)} columns for samples of shape {self.shape}.")
        if self.columns and len(self.columns) != int(np.prod(self.shape)):
            raise DataError(f"{len(self.columns)} column names for samples of shape {self.shape}: give one a column.")

    def __len__(self) -> int:
        return len(self.values) if self.rows is None else len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Tensor: ...
    @overload
    def __getitem__(self, place: "slice | Tensor | np.ndarray | Sequence[int]") -> "Samples": ...
    def __getitem__(self, place: Any) -> "Tensor | Samples":
        """The sample at a place, `shape`; for a slice, several places or a mask, Samples.

        Raises:
            IndexError: there is no such place.
        """
        if isinstance(place, slice):
            return self.take(np.arange(len(self))[place])
        if hasattr(place, "__len__"):
            return self.take(np.arange(len(self))[np.asarray(place, dtype=None if len(place) else np.int64)])
        number = operator.index(place)
        if not -len(self) <= number < len(self):
            raise IndexError(f"There is no sample {number}: expected {-len(self)} to {len(self) - 1}.")
        return self.batch(torch.tensor([number % len(self)]))[0]

    def __iter__(self) -> Iterator[Tensor]:
        """Each sample, a tensor of `shape`, in order."""
        for batch in self.batches(self.at_a_time):
            yield from batch

    def _card(self) -> Card:
        facts = {"type": self.dtype}
        if self.columns:
            facts["columns"] = listed(self.columns, 12)
        if self.label_names:
            facts["labels"] = listed(self.label_names, 12)
        if self.medium is not None:
            facts["stand for"] = self.medium.kind
        return Card(f"{len(self):,} of shape {shape_words(self.shape)}, {self.kind}", facts, figures=(self.draw,))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.values.shape[1:])

    @property
    def at_a_time(self) -> int:
        """The number of samples to process at a time, so that copies (such as float64) stay small: 1 to 4,096."""
        return max(1, min(4096, 2**20 // max(1, int(np.prod(self.shape)))))

    @property
    def dtype(self) -> str:
        """The type of the values that `batch` returns: "uint8", "float32" or "float64"."""
        if self.values.dtype in (torch.uint8, np.uint8):
            return "uint8"
        precise = self.values.dtype == torch.float64 if isinstance(self.values, Tensor) else self.precise
        return "float64" if precise else "float32"

    def batch(self, indices: Tensor) -> Tensor:
        """The samples at `indices` (int64, `(B,)`), `(B, *shape)`: contiguous, of type `dtype`.

        On the CPU, or on the device of `resident` samples.
        """
        if isinstance(self.values, Tensor):
            return self.values.index_select(0, indices.to(self.values.device))
        wanted = indices.numpy()
        rows = wanted if self.rows is None else self.rows[wanted]
        # np.take copies the whole of an array that is not contiguous, such as mapped pictures with channels last
        whole = isinstance(values := self.values, np.ndarray) and values.flags.c_contiguous
        taken = np.take(np.asarray(values), rows, axis=0) if whole else values[rows]
        if self.layout is not None:
            let_go(self.values)
        return as_tensor(taken, precise=self.precise)

    def batches(self, size: int) -> Iterator[Tensor]:
        """All samples in order, `size` at a time (the last batch may be smaller). In memory, these are views.

        Streamed ones are read ahead.
        """
        if self.layout is not None:
            several = max(1, self.layout.window // IN_WINDOW // size) * size
            places = torch.arange(len(self)).split(several)
            for read in ahead(map(self.batch, places)):
                yield from read.split(size)
            return
        for start in range(0, len(self), size):
            if isinstance(self.values, Tensor):
                yield self.values[start : start + size]
            elif self.rows is None:
                yield as_tensor(self.values[start : start + size], precise=self.precise)
            else:
                yield as_tensor(self.values[self.rows[start : start + size]], precise=self.precise)

    def labelled(self, size: int) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Like `batches`, each with its labels, `(B,)`, if there are any."""
        start = 0
        for batch in self.batches(size):
            yield batch, None if self.labels is None else self.labels[start : start + len(batch)]
            start += len(batch)

    def tensor(self) -> Tensor:
        """All samples as one tensor in memory, `(N, *shape)`; without a copy if `values` is already one."""
        return self.values if isinstance(self.values, Tensor) else self.batch(torch.arange(len(self)))

    def take(self, indices: Tensor | np.ndarray | Sequence[int]) -> "Samples":
        """The samples at `indices`, in that order, with their labels and names. Mapped values are not read."""
        chosen = torch.as_tensor(np.asarray(indices, dtype=np.int64))
        if len(chosen) == len(self) and torch.equal(chosen, torch.arange(len(self))):  # all of them need no second copy
            return self
        labels = None if self.labels is None else self.labels[chosen]
        names = tuple(self.names[i] for i in chosen.tolist()) if self.names else ()
        damaged = None if self.damaged is None else self.damaged.index_select(0, chosen)
        held = {
            "labels": labels,
            "names": names,
            "damaged": damaged,
            "groups": None if self.groups is None else self.groups[chosen],
            "spans": None if self.spans is None else self.spans[chosen],
            "factors": None if self.factors is None else self.factors[chosen],
            "unused": None if self.unused is None else self.unused.take(chosen.numpy()),
        }
        if isinstance(self.values, Tensor):
            return replace(self, values=self.values.index_select(0, chosen), **held)
        rows = chosen.numpy() if self.rows is None else self.rows[chosen.numpy()]
        ascending = self.layout is not None and bool((np.diff(rows) > 0).all())
        return replace(self, rows=rows, layout=self.layout if ascending else None, **held)

    def loader(
        self,
        batch_size: int = 256,
        *,
        shuffle: bool = False,
        labels: bool = False,
        scaling: Any = None,
        seed: int = 0,
        **options: Any,
    ) -> DataLoader[Any]:
        """A `torch.utils.data.DataLoader` of batches (B, *shape), for a training loop of your own.

            for batch in data.train.loader(batch_size=64, shuffle=True, scaling=data.scaling): ...

        Training with `fit` doesn't need it. A batch is read as a whole, so it is as fast as slicing a tensor.

        shuffle: another order in each epoch; the same `seed` gives the same orders. labels: pairs of a batch and its
        labels, (B,). scaling: scale the batches, as a model does, for example by `data.scaling`; None leaves them in
        raw units and in their type, so that bytes stay bytes. options: those of DataLoader, such as `drop_last`,
        `num_workers` and `pin_memory`.

        Raises:
            DataError: `labels` are wanted, and there are none; or an option is invalid.
        """
        if labels and self.labels is None:
            raise DataError("These samples have no labels, so labels=True can't be met. Give open_data labels= first.")
        return loader(
            self.batch, self.labels if labels else None, len(self), batch_size, shuffle, scaling, seed, options
        )

    def draw(self, most: int | None = None) -> "Figure":
        """A figure of some samples: pictures and series side by side, texts in lines, a histogram for each column.

        most: how many samples are drawn; None chooses it by their kind.
        """
        drawing = importlib.import_module("isthmus.drawing.boards")  # stands above the data, and takes half a second
        return drawing.draw_samples(self, most)

    def resident(self, device: torch.device, most: int) -> "Samples":
        """The same samples on the device, if they are in memory and take at most `most` bytes; otherwise unchanged.

        Values of float64 stay on the CPU if the device has no float64.
        """
        held = [held for held in (self.values, self.labels, self.damaged) if isinstance(held, Tensor)]
        whole = isinstance(self.values, Tensor)
        if device.type == "cpu" or not whole or sum(tensor.nbytes for tensor in held) > most:
            return self
        moved = {
            name: placed(value, device)
            for name in ("values", "labels", "damaged")
            if isinstance(value := getattr(self, name), Tensor)
        }
        return replace(self, **moved)

    def held(self, most: int) -> "Samples":
        """Streamed samples in memory, if they take at most `most` bytes there; other samples unchanged."""
        if self.layout is None or len(self) * int(np.prod(self.shape)) * SIZES[self.dtype] > most:
            return self
        return replace(self, values=self.tensor(), rows=None, layout=None)

    def some(self, most: int) -> "Samples":
        """At most this many samples, evenly spread, always the same ones.

        Of streamed samples, runs of neighbours that are spread evenly, so that few blocks are read.
        """
        blocks = 0 if self.layout is None else len(self.layout.groups)
        if len(self) <= most or not IN_WINDOW < blocks < len(self):
            return self.take(spread(len(self), most))
        runs = min(IN_WINDOW, most)
        lengths = np.full(runs, most // runs) + (np.arange(runs) < most % runs)
        begins = np.arange(runs) * len(self) // runs
        return self.take(np.concatenate([np.arange(at, at + n) for at, n in zip(begins, lengths, strict=True)]))


def shape_words(shape: Sequence[int]) -> str:
    """A shape for people: "1 × 28 × 28"."""
    return " × ".join(map(str, shape)) or "1"


def spread(count: int, most: int) -> Tensor:
    """At most `most` of `count` row numbers, evenly spread, always the same ones."""
    return torch.linspace(0, count - 1, min(count, most), dtype=torch.float64).round().long()


def let_go(values: Any) -> None:
    """Let the system take back the memory of the pages of a mapped file that were read; they stay in its cache."""
    while values is not None:
        if isinstance(values, mmap.mmap):
            if hasattr(values, "madvise"):
                values.madvise(mmap.MADV_DONTNEED)
            return
        values = getattr(values, "base", None)


def as_tensor(array: np.ndarray, *, precise: bool = False) -> Tensor:
    """A contiguous tensor, a view if possible: uint8 stays, any other type becomes float32, or float64 if `precise`."""
    if array.dtype != np.uint8:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is then reported as such
            array = array.astype(np.float64 if precise else np.float32, copy=False)
    array = np.ascontiguousarray(array)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def placed(raw: Tensor, device: torch.device, *, non_blocking: bool = False) -> Tensor:
    """Raw values on the device; float64 stays where it is if the device has none, for a `Scaling` to scale it there."""
    if raw.dtype == torch.float64 and not has_float64(device):
        return raw
    return raw.to(device, non_blocking=non_blocking)


def has_float64(device: torch.device) -> bool:
    """Whether the device computes with float64: Apple's, for example, do not."""
    return device.type in ("cpu", "cuda") or _has_float64(device.type)


@functools.cache
def _has_float64(kind: str) -> bool:
    try:
        return bool((torch.zeros(1, dtype=torch.float64, device=kind) + 1).item())
    except (TypeError, RuntimeError):
        return False


def inference_batch_size(numbers: int) -> int:
    """The batch size for inference: 2 MiB of samples, but between 64 and 4,096 samples, and at most 64 MiB.

    Larger batches don't fit the cache and need more memory, which can double the time. Smaller batches pay the cost of
    each call, and of threads that wait for each other.

    numbers: the largest count of numbers of a sample in any layer (`isthmus.model.shape_checks.max_width`).
    """
    numbers = max(1, numbers)
    return max(1, min(4096, 2**19 // numbers), min(64, 2**24 // numbers))
