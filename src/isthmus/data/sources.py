"""Sources: which reader a source goes to, by what it is or what its file is called."""

import contextlib
import importlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from isthmus.data.arrays import from_mapping, from_memory, read_npy, read_npz
from isthmus.data.datasets import from_dataset
from isthmus.data.folders import read_folder, read_picture, read_zip
from isthmus.data.idx import read_idx
from isthmus.data.named import NAMES, read_named
from isthmus.data.options import Options
from isthmus.data.pictures import SUFFIXES as PICTURES
from isthmus.data.raw import Raw
from isthmus.data.samples import Samples
from isthmus.errors import DataError, IsthmusError, nearest, out_of_memory
from isthmus.storage.replacing import finish_swap


def _when_needed(module: str, reader: str) -> Callable[..., Raw]:
    """A reader whose module is imported when it is first called: Arrow takes some 40 MB that pictures don't need."""

    def read(*given: Any) -> Raw:
        return getattr(importlib.import_module(f"isthmus.data.{module}"), reader)(*given)

    return read


read_text = _when_needed("text", "read_text")
read_parquet = _when_needed("tables", "read_parquet")
from_table = _when_needed("tables", "from_table")
TEXT = (".csv", ".tsv", ".txt")
READERS: dict[str, Callable[[Path, Options], Raw]] = {
    ".npy": read_npy,
    ".idx": read_idx,
    ".zip": read_zip,
    **dict.fromkeys(PICTURES, read_picture),
}
CHOOSING: dict[str, Callable[[Path, Options, Mapping[str, Any] | None], Raw]] = {
    **dict.fromkeys(TEXT, read_text),
    ".npz": read_npz,
    ".parquet": read_parquet,
}
RUNS_CODE = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".mat", ".dill")
IDX_NAME = re.compile(r"(\.idx|idx\d?-ubyte|\.idx\d-\w+)(\.gz)?$")


@contextlib.contextmanager
def reading(source: Any) -> Iterator[None]:
    """The border of all readers: whatever the bytes of a source do to them, a DataError comes out, in one line.

    Raises:
        DataError: anything went wrong that was not foreseen; what it was stands in the message, and is its cause.
    """
    try:
        yield
    except (IsthmusError, Warning):  # a remark, where warnings are errors
        raise
    except OSError as error:
        raise unreadable(called(source), error) from error
    except Exception as error:
        if out_of_memory(error):
            raise DataError(
                f"{called(source)} does not fit into memory: give a smaller one, or a .npy with memory_map=True."
            ) from error
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}".rstrip(": .")
        wrong = "is damaged or not what its name says" if isinstance(source, str | os.PathLike) else "can't be read"
        raise DataError(
            f"{called(source)} {wrong} ({said}). Get or write it again, or give it in another form; see open_data."
        ) from error


def read(source: Any, options: Options, labels: Any = None, like: Mapping[str, Any] | None = None) -> Raw:
    """What `source` holds (see `open_data`).

    labels: a class for each sample, of values in memory.
    like: description of a model's data, by which a table's columns are chosen.

    Raises:
        DataError: the source is missing, damaged, of an unknown kind, or not what the options say.
    """
    in_memory = not isinstance(source, str | os.PathLike)
    if labels is not None and (not in_memory or isinstance(source, Mapping | Samples) or is_table(source)):
        raise DataError(f"labels= goes with values in memory, not with {called(source)}: name its labels with label=.")
    raw = _read(source, options, labels, like)
    check_used(raw, options, like, called(source))
    return raw


def _read(source: Any, options: Options, labels: Any, like: Mapping[str, Any] | None) -> Raw:
    if isinstance(source, str | os.PathLike):
        return _read_path(source, options, like)
    if isinstance(source, Samples):
        return _from_samples(source)
    if isinstance(source, Dataset):
        return from_dataset(source, options, labels)
    if is_table(source):
        return from_table(source, options, like)
    if isinstance(source, Mapping):
        return from_mapping(source, options, like=like)
    values, labels = source if isinstance(source, tuple) and len(source) == 2 and labels is None else (source, labels)
    return from_memory(values, labels)


def check_used(raw: Raw, options: Options, like: Mapping[str, Any] | None, called: str) -> None:
    """Raise DataError where somebody asked for what this source has no use for, but for what a model's training had."""
    picture_files = raw.channels_first and raw.origin is not None
    named = picture_files or raw.origin in NAMES  # by their folders, or by the set itself
    if options.label is not None and (raw.labels is None or named) and not options.forgives("label", like):
        has, instead = ("neither", ", or give labels= beside an array in Python")
        if raw.labels is not None:
            has, instead = "labels of its own", ""
        raise DataError(
            f"label={options.label!r} names a column of a table or an array of an .npz, but {called} has {has}. "
            f"Leave it out{instead}."
        )
    for name in ("patches", "size", "mode"):
        if getattr(options, name) is not None and not picture_files and not options.forgives(name, like):
            raise DataError(
                f"{name}={getattr(options, name)!r} is for picture files, but {called} holds values as they are. "
                "Leave it out, or change the values first."
            )


def is_table(source: Any) -> bool:
    """Whether `source` hands itself over through the Arrow PyCapsule interface."""
    return hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__")


def called(source: Any) -> str:
    """What to call `source` in a message; the article of one that begins with it is made large there."""
    return str(source) if isinstance(source, str | os.PathLike) else f"the {type(source).__name__}"


def _read_path(source: str | os.PathLike[str], options: Options, like: Mapping[str, Any] | None) -> Raw:
    if isinstance(source, str) and source in NAMES:
        return read_named(source, options)
    if not os.fspath(source):
        raise DataError(f"The path is empty: expected a file, a folder or one of {', '.join(NAMES)}.")
    path = Path(source).expanduser()
    raw = _dispatched(path, options, like)
    return replace(raw, origin=str(path.resolve()))


def unreadable(path: str, error: OSError) -> DataError:
    """The message for a source that the system does not let be read."""
    return DataError(f"{path} can't be read ({error.strerror or error}): check its permissions and its disk.")


def is_folder(path: Path) -> bool:
    """Whether a source is a folder, or else a file with something in it.

    Raises:
        DataError: there is none, it is empty, or it is a pipe or a device, which may never end.
    """
    try:
        if not path.exists():
            finish_swap(path)
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise _absent(path) from error
    if stat.S_ISDIR(status.st_mode):
        return True
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{path} is neither a file nor a folder, but a pipe or a device: save it as a file first.")
    if status.st_size == 0:
        raise DataError(f"{path} is empty (0 bytes): expected samples. Get or write it again.")
    return False


def _dispatched(path: Path, options: Options, like: Mapping[str, Any] | None) -> Raw:
    if is_folder(path):
        return read_folder(path, options)
    suffix = path.suffix.lower()
    if IDX_NAME.search(path.name):
        return read_idx(path, options)
    if suffix == ".gz" and Path(path.stem).suffix.lower() in TEXT:
        return read_text(path, options, like)
    if suffix in READERS:
        return READERS[suffix](path, options)
    if suffix in CHOOSING:
        return CHOOSING[suffix](path, options, like)
    known = [*READERS, *CHOOSING, ".idx.gz", ".csv.gz"]
    if suffix in RUNS_CODE:
        raise DataError(
            f"{path}: files of type {suffix} can run code and are never read. Save the values as .npy or .npz."
        )
    said = f"type {suffix!r}" if suffix else "a file without a suffix"
    raise DataError(f"{path}: {said} is unknown. {nearest(suffix, known)}")


def _absent(path: Path) -> DataError:
    text = str(path)
    if address := re.match(r"(https?:)/+", text):  # which a path shortens to one slash
        text = f"{address[1]}//{text[address.end() :]}"
        return DataError(f"{text} is an address: expected a path or one of {', '.join(NAMES)}. Download it first.")
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    bare = len(path.parts) == 1
    offered = nearest(path.name, [*NAMES, *beside] if bare else beside)
    hint = offered if offered.startswith("Did") else "Check the path."
    if bare and not path.suffix:
        return DataError(f"{text!r} is no file, folder or known name ({', '.join(NAMES)}). {hint}")
    return DataError(f"{path} does not exist: expected a file or folder with samples. {hint}")


def _from_samples(samples: Samples) -> Raw:
    values = samples.values if samples.rows is None else samples.tensor()
    return Raw(
        values,
        samples.labels,
        samples.label_names,
        samples.names,
        samples.columns,
        samples.categories,
        samples.kind,
        channels_first=samples.kind != "table",
    )
