"""Containers: objects of other libraries in memory, turned into values, tables, mappings and items.

No library is imported to recognise its objects: the names of a type's classes and their packages are enough.
"""

import functools
import inspect
import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import IterableDataset, TensorDataset

from isthmus.data.arrays import LABELS, dense, filled
from isthmus.data.datasets import Items, as_table, from_items, items_of_loader
from isthmus.data.options import Options
from isthmus.data.part_names import PARTS
from isthmus.data.raw import Raw
from isthmus.data.samples import Samples
from isthmus.errors import DataError, remark
from isthmus.formatting import listed

ACCEPTED = (
    "an array, a tensor, a list, a mapping of arrays, a data frame, a dataset with __len__ and __getitem__, or a path"
)
_NO_DATA = type | str | bytes | bytearray | memoryview | set | frozenset
Convert = Callable[[Any, Options, str], Any]


def plain(source: Any, options: Options, called: str) -> Any:
    """`source` as an object that the readers of `isthmus.data` take.

    That is a `Raw`, `Samples`, a table with the Arrow interface, a mapping, `(values, labels)`, or values (an array, a
    tensor or a list). Iterables are read once, into at most `options.max_bytes`.

    Raises:
        DataError: the type is unknown; the message names it. Or the object can't be read.
    """
    while (convert := _converter(source)) is not None:
        source = convert(source, options, called)
    if isinstance(source, Mapping) and not isinstance(source, Parts):
        return _of_mapping(source, options, called)
    if isinstance(source, Sequence) and not isinstance(source, _NO_DATA):
        return _of_list(source if isinstance(source, list | tuple) else list(source), options, called)
    if _is_plain(source):
        return source
    if _reads_by_place(source):
        return _items(source, options, called)
    if isinstance(source, Iterable) and not isinstance(source, _NO_DATA):
        return _iterated(source, options, called)
    raise unknown(source)


def is_table(source: Any) -> bool:
    """Whether `source` supports the Arrow PyCapsule interface."""
    return hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__")


def unknown(source: Any) -> DataError:
    """The error for an object of a type that isn't known, which it names."""
    kind = type(source)
    name = (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
    if isinstance(source, type):
        return DataError(f"{source.__name__} is a class, not data: expected an object of it, {source.__name__}(…).")
    return DataError(
        f"An object of type {name} can't be read as data: expected {ACCEPTED}. Convert it to one of these."
    )


def _converter(source: Any) -> Convert | None:
    """The function that converts an object of this type, if it is of a known library."""
    for base in type(source).__mro__:
        package = base.__module__.partition(".")[0]
        if found := _RULES.get((package, base.__name__)):
            return found
    if inspect.isfunction(source) or inspect.ismethod(source) or isinstance(source, functools.partial):
        return _called
    return None


def _is_plain(source: Any) -> bool:
    """Whether an object is values, a table or samples already."""
    if isinstance(source, Raw | Samples | Parts | Tensor | np.ndarray) or is_table(source):
        return True
    return any(hasattr(source, name) for name in ("__array__", "__array_interface__", "__dlpack__"))


def _reads_by_place(source: Any) -> bool:
    """Whether an object is a map-style dataset: it has a length, and items by their numbers."""
    kind = type(source)
    return hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and not isinstance(source, _NO_DATA)


def _items(source: Any, options: Options, called: str) -> Any:
    """The items of a map-style dataset, by their places from 0: its own iteration may never end."""
    count = len(source)
    if not count:
        raise DataError(f"{called} is empty (0 items): expected at least one sample.")
    classes = tuple(map(str, getattr(source, "classes", None) or ()))
    items = Items((source[place] for place in range(count)), called, classes)
    return from_items(items, options)


def _iterated(source: Any, options: Options, called: str) -> Any:
    """The items of an iterable, read once; tables, such as the chunks of a large one, are joined."""
    items = iter(source)
    first = next(items, None)
    rest = items if first is None else itertools.chain([first], items)
    if not is_table(first):
        return from_items(Items(rest, called), options)
    from isthmus.data.arrow_tables import joined  # noqa: PLC0415  # Arrow takes some 40 MB

    return joined(rest, called, options.max_bytes)


def _called(source: Any, options: Options, called: str) -> Any:
    """What a function without arguments returns, such as a generator."""
    try:
        parameters = inspect.signature(source).parameters.values()
    except ValueError:  # some functions written in C don't say
        parameters = ()
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [one.name for one in parameters if one.default is one.empty and one.kind not in free]
    if needed:
        raise DataError(
            f"{called} needs arguments ({', '.join(needed)}): expected a function without any, which returns samples "
            "or yields them. Call it, or wrap it: lambda: f(x)."
        )
    made = source()
    return plain(made, options, f"the {type(made).__name__}")


def _dataset(source: Any, options: Options, called: str) -> Any:
    """A dataset of PyTorch, map-style or iterable."""
    if isinstance(source, IterableDataset):
        return _iterated(source, options, called)
    if not hasattr(source, "__len__"):
        raise DataError(
            f"{called} has no length: expected a map-style dataset, with __len__ and __getitem__, or an "
            "IterableDataset. Add __len__."
        )
    return _items(source, options, called)


def _tensors(source: Any, options: Options, called: str) -> Any:
    """A TensorDataset: its samples and, if it has a second tensor, their labels."""
    tensors = source.tensors
    if type(source).__getitem__ is not TensorDataset.__getitem__:
        return _items(source, options, called)
    if len(tensors) > 2:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        raise DataError(
            f"{called} has {len(tensors)} tensors ({shapes}): expected one, the samples, or two, the samples and their "
            "labels. Give TensorDataset(samples, labels)."
        )
    values, *labels = tensors
    if not labels or (labels[0].shape == values.shape and bool((labels[0] == values).all())):
        return values  # an autoencoder's target is its input
    if labels[0].shape == values.shape and values.ndim > 1:
        raise DataError(
            f"{called} has two tensors of shape {tuple(values.shape)}, so the second is no set of labels. "
            "If one holds damaged samples, give open_data(clean, damaged=damaged); otherwise leave it out."
        )
    return values, labels[0]


def _loader(source: Any, options: Options, called: str) -> Any:
    """A DataLoader's dataset, if that gives the same samples; otherwise its batches, once."""
    dataset, sampler = source.dataset, type(source.sampler).__name__
    own_order = type(source.batch_sampler).__name__ not in ("BatchSampler", "NoneType")
    default = not own_order and source.collate_fn.__module__.startswith("torch.utils.data")
    shuffled = sampler == "RandomSampler"
    if default and not isinstance(dataset, IterableDataset) and (sampler == "SequentialSampler" or shuffled):
        whole = not shuffled or (not source.sampler.replacement and source.sampler.num_samples == len(dataset))
        if whole:
            if shuffled:
                remark(f"{called} shuffles: its dataset is read instead, so that samples keep their order.")
            return dataset
    if (own_order or sampler != "SequentialSampler") and not isinstance(dataset, IterableDataset):
        sampler = type(source.batch_sampler).__name__ if own_order else sampler
        remark(
            f"{called} is read once, in the order of its {sampler}. Another pass gives another order: give its dataset "
            "to keep the order of the samples."
        )
    return items_of_loader(source, options, called)


def _pictures(source: Any, options: Options, called: str) -> Any:
    return from_items(Items(iter([source]), called), options)


def _of_list(source: Any, options: Options, called: str) -> Any:
    """A list as values, unless its first item says otherwise: rows of a table, pictures, paths, pairs with labels."""
    if not isinstance(source, list | tuple) or not source:
        return source
    first = source[0]
    if isinstance(source, tuple) and isinstance(first, str | os.PathLike):
        return list(source)
    if isinstance(source, tuple) and len(source) == 2 and not isinstance(first, Mapping):
        pairs = all(isinstance(one, tuple) and len(one) == 2 and len(_shape(one[0])) > 1 for one in source)
        return Parts(train=first, test=source[1]) if pairs else source  # values and labels, or these of two parts
    if isinstance(first, list | tuple) and any(isinstance(cell, str) for cell in first) and not _is_pair(first):
        return as_table([dict(enumerate(row)) for row in source], called)  # rows of numbers and words
    if isinstance(first, Mapping) or _is_picture(first) or _is_pair(first):
        return from_items(Items(iter(source), called), options)
    return source


def _of_mapping(source: Mapping[str, Any], options: Options, called: str) -> Any:
    """A mapping of arrays; of columns of one length, a table; of parts, their sources."""
    if not source or options.kind == "series" or options.array is not None:
        return source
    if source and all(
        isinstance(value, Mapping) for value in source.values()
    ):  # columns of cells by row, as pandas has
        source = {name: list(cells.values()) for name, cells in source.items()}
    names = {str(name).lower() for name in source}
    shapes = [_shape(value) for value in source.values()]
    if "train" in names and names <= set(PARTS) and any(len(shape) != 1 for shape in shapes):
        return Parts(source)
    if any(len(shape) != 1 for shape in shapes) or "names" in names:
        return source
    from isthmus.data.arrow_tables import of_columns  # noqa: PLC0415  # Arrow takes some 40 MB

    return of_columns(source, called)


def _shape(value: Any) -> tuple[int, ...]:
    """The shape of an array, or the length of a sequence of single values; () for others."""
    if hasattr(value, "shape"):
        return tuple(value.shape)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not len(value):
        return ()
    return (len(value),) if isinstance(value[0], str) or value[0] is None or np.ndim(value[0]) == 0 else ()


def _is_picture(item: Any) -> bool:
    return any(base.__module__.startswith("PIL.") and base.__name__ == "Image" for base in type(item).__mro__)


def _is_pair(item: Any) -> bool:
    """Whether an item is a sample with a label, as datasets give them."""
    if not isinstance(item, tuple) or len(item) != 2:
        return False
    sample, label = item
    values = _is_picture(sample) or (isinstance(sample, Tensor | np.ndarray) and sample.ndim > 0)
    return (values and np.ndim(label) == 0) or (isinstance(sample, str) and not isinstance(label, str))


def _without_mask(source: Any, options: Options, called: str) -> Any:
    return filled(source)


def _made_dense(source: Any, options: Options, called: str) -> Any:
    return dense(source, options.max_bytes, called)


def _computed(source: Any, options: Options, called: str) -> Any:
    return source.compute()


def _collected(source: Any, options: Options, called: str) -> Any:
    return source.collect()


def _as_frame(source: Any, options: Options, called: str) -> Any:
    """A column alone is a table of one column."""
    name = getattr(source, "name", None)
    return source.to_frame("value" if name in (None, "") else name)


def _index_as_frame(source: Any, options: Options, called: str) -> Any:
    return source.to_frame(index=False)


def _column(source: Any, options: Options, called: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415  # some 40 MB that other objects don't need

    return pa.table({"value": source})


def _to_table(source: Any, options: Options, called: str) -> Any:
    return source.to_table()


def _labelled_array(source: Any, options: Options, called: str) -> Any:
    """A DataArray of xarray: its first dimension counts the samples."""
    from isthmus.data.readers.gridded import of_variable  # noqa: PLC0415

    return of_variable(source, options, called)


def _labelled_arrays(source: Any, options: Options, called: str) -> Any:
    from isthmus.data.readers.gridded import of_dataset  # noqa: PLC0415

    return of_dataset(source, options, called)


def _annotated(source: Any, options: Options, called: str) -> Any:
    from isthmus.data.readers.annotated import from_annotated  # noqa: PLC0415

    return from_annotated(source, options, called)


def _hugging_face(source: Any, options: Options, called: str) -> Any:
    """A `datasets.Dataset`: its columns as a table, or its items where they hold pictures, sound or arrays."""
    features = source.features or {}
    classes = {name: feature for name, feature in features.items() if type(feature).__name__ == "ClassLabel"}
    media = [name for name, feature in features.items() if type(feature).__name__ in ("Image", "Audio", "Video")]
    arrays = [name for name, feature in features.items() if _is_array(feature)]
    if arrays and not media and hasattr(source, "with_format"):
        source = source.with_format("numpy")
    heavy = media or arrays
    if not heavy and hasattr(source, "with_format") and hasattr(source, "__len__"):
        table = source.with_format("arrow")[:]
        return _with_names(table, {name: feature.names for name, feature in classes.items()})
    label = options.label if options.label in features else next((n for n in LABELS if n in features), None)
    names = tuple(classes[label].names) if label in classes else ()
    return from_items(Items(iter(source), called, names), options)


def _is_array(feature: Any) -> bool:
    """Whether a feature of Hugging Face's datasets has two dimensions or more: Array2D, or lists of lists."""
    inner = getattr(feature, "feature", None)
    return type(feature).__name__.startswith("Array") or getattr(inner, "feature", None) is not None


def _with_names(table: Any, names: Mapping[str, Sequence[str]]) -> Any:
    """An Arrow table whose numbered classes have their names."""
    import pyarrow as pa  # noqa: PLC0415

    for place, name in enumerate(table.column_names):
        if name in names:
            numbers = table[name].to_pylist()
            known = [None if number is None or number < 0 else names[name][number] for number in numbers]
            table = table.set_column(place, name, pa.array(known, pa.string()))
    return table


def _parts(source: Any, options: Options, called: str) -> Any:
    """A DatasetDict as a mapping of its splits; `sources` reads each."""
    return Parts(dict(source))


class Parts(dict[str, Any]):
    """Sources by the names of their parts, "train" among them."""

    def by_part(self, called: str) -> dict[str, Any]:
        """The sources of the training part and further parts, by the names in `PARTS`.

        Raises:
            DataError: no source is the training part, or some are no part.
        """
        found = {PARTS.get(name.lower(), name): source for name, source in self.items()}
        if len(found) == 1:
            return {"train": next(iter(found.values()))}
        others = [name for name in found if name not in PARTS.values()]
        if "train" not in found or others:
            raise DataError(
                f"{called} has the parts {listed(list(self))}: expected train, and validation and test if you have "
                f"them. Give one of them, such as dataset[{next(iter(self))!r}]."
            )
        return found


def _as_numpy(source: Any, options: Options, called: str) -> Any:
    return np.asarray(source)


def _numpy_items(source: Any, options: Options, called: str) -> Any:
    """A `tf.data.Dataset`, item by item."""
    return _iterated(source.as_numpy_iterator(), options, called)


def _refused(source: Any, options: Options, called: str) -> Any:
    raise unknown(source)


def _opened_file(source: Any, options: Options, called: str) -> Any:
    name = getattr(source, "name", None)
    hint = f"Give its path, {name!r}." if isinstance(name, str) else "Save its content as a file and give the path."
    raise DataError(f"{called} is an open file, not data: expected a path. {hint}")


_RULES: dict[tuple[str, str], Convert] = {
    ("numpy", "MaskedArray"): _without_mask,
    ("scipy", "spmatrix"): _made_dense,
    ("scipy", "sparray"): _made_dense,
    ("scipy", "_spbase"): _made_dense,
    ("sparse", "SparseArray"): _made_dense,
    ("pandas", "Series"): _as_frame,
    ("pandas", "Index"): _index_as_frame,
    ("polars", "Series"): _as_frame,
    ("polars", "LazyFrame"): _collected,
    ("pyarrow", "Array"): _column,
    ("pyarrow", "ChunkedArray"): _column,
    ("pyarrow", "Dataset"): _to_table,
    ("dask", "Array"): _computed,
    ("dask", "DataFrame"): _computed,
    ("dask_expr", "DataFrame"): _computed,
    ("xarray", "DataArray"): _labelled_array,
    ("xarray", "Dataset"): _labelled_arrays,
    ("anndata", "AnnData"): _annotated,
    ("datasets", "Dataset"): _hugging_face,
    ("datasets", "DatasetDict"): _parts,
    ("datasets", "IterableDataset"): _hugging_face,
    ("datasets", "IterableDatasetDict"): _parts,
    ("PIL", "Image"): _pictures,
    ("torch", "TensorDataset"): _tensors,
    ("torch", "DataLoader"): _loader,
    ("torch", "Dataset"): _dataset,
    ("torch", "Module"): _refused,
    ("tensorflow", "DatasetV2"): _numpy_items,
    ("h5py", "Dataset"): _as_numpy,
    ("zarr", "Array"): _as_numpy,
    ("io", "IOBase"): _opened_file,
    ("_io", "_IOBase"): _opened_file,
}
"""By the package and the name of a class."""
