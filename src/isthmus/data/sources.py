"""Sources: choosing the reader of a source, by its type or its file's name."""

import contextlib
import importlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from isthmus.data.arrays import from_mapping, from_memory, read_npy, read_npz
from isthmus.data.aside import aside_of_memory
from isthmus.data.datasets import from_dataset
from isthmus.data.entries import divide, suffix_of
from isthmus.data.file_kinds import leading, tell_unread
from isthmus.data.folders import (
    LARGEST,
    collected,
    names_in,
    read_folder,
    read_picture,
    read_zip,
    suffixes_in,
)
from isthmus.data.idx import read_idx
from isthmus.data.media.medium import medium_of
from isthmus.data.named import NAMES, read_named
from isthmus.data.options import Options
from isthmus.data.picture_formats import SUFFIXES as PICTURES
from isthmus.data.raw import Raw
from isthmus.data.recordings import cut, expects_recordings, together
from isthmus.data.samples import Samples
from isthmus.errors import DataError, IsthmusError, nearest, out_of_memory, remark
from isthmus.storage.replacing import finish_swap


def _when_needed(module: str, reader: str) -> Callable[..., Raw]:
    """A reader whose module is imported at its first call: Arrow takes some 40 MB that pictures don't need."""

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
MEDIA: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "texts": (("text",), (".txt", ".md", ".text", ".jsonl", ".ndjson")),
    "music": (("melody", "roll"), (".mid", ".midi", ".musicxml", ".mxl", ".xml", ".abc", ".krn", ".json")),
    "sound": (("waveform", "mel"), (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")),
}
"""By the module that reads them: the kinds that a source can be read as, and the suffixes of its files."""
IN_BLOCKS = ("sound",)
"""Those of `MEDIA` whose files are read block by block, so that a file may be larger than memory."""
RECORDINGS = (".csv", ".tsv", ".parquet", ".npy")
"""Files of a folder that can be recordings, each a table of time steps by channels."""
TABLES_OF_TEXT = (".csv", ".tsv", ".parquet")
RUNS_CODE = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".mat", ".dill")
IDX_NAME = re.compile(r"(\.idx|idx\d?-ubyte|\.idx\d-\w+)(\.gz)?$")


@contextlib.contextmanager
def reading(source: Any) -> Iterator[None]:
    """Within the block, any error of a reader becomes a DataError of one line.

    Raises:
        DataError: an unforeseen error; the message quotes it, and it is the cause.
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
                f"{called(source)} does not fit into memory. Give a smaller source, or a .npy with memory_map=True."
            ) from error
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}".rstrip(": .")
        wrong = "is damaged or has the wrong suffix" if isinstance(source, str | os.PathLike) else "can't be read"
        raise DataError(
            f"{called(source)} {wrong} ({said}). Download or write it again, or use another form; see open_data."
        ) from error


def read(
    source: Any,
    options: Options,
    labels: Any = None,
    like: Mapping[str, Any] | None = None,
    beside: Mapping[str, Any] | None = None,
) -> Raw:
    """Read `source` (see `open_data`); recordings are cut into windows.

    labels: a class for each sample, for values in memory. beside: the time stamps and the group of each row, by the
        names of the options `time` and `groups`, for values in memory.
    like: description of a model's data, which determines the columns of a table.

    Raises:
        DataError: the source is missing, damaged, of an unknown type, or doesn't fit the options.
    """
    return cut(read_rows(source, options, labels, like, beside), options, called(source), like)


def read_rows(
    source: Any,
    options: Options,
    labels: Any = None,
    like: Mapping[str, Any] | None = None,
    beside: Mapping[str, Any] | None = None,
) -> Raw:
    """The same with the rows of recordings as they are."""
    in_memory = not isinstance(source, str | os.PathLike)
    if labels is not None and (not in_memory or isinstance(source, Mapping | Samples) or is_table(source)):
        raise DataError(
            f"labels= is for values in memory, not for {called(source)}. Name the label column with label=."
        )
    tables = _tables_of(source, options) if expects_recordings(options, like) else {}
    if tables:
        read = {name: from_table(table, options, like) for name, table in tables.items()}
        raw = together(read, called(source)) if len(read) > 1 else read.popitem()[1]
    else:
        raw = _read(source, options, labels, like)
    check_used(raw, options, like, called(source))
    if beside:
        given = aside_of_memory(beside.get("time"), beside.get("groups"), len(raw.values), called(source))
        raw = replace(raw, aside=given if raw.aside is None else raw.aside.updated(given))
    return raw


def _read(source: Any, options: Options, labels: Any, like: Mapping[str, Any] | None) -> Raw:
    if isinstance(source, str | os.PathLike):
        return _read_path(source, options, like)
    if isinstance(source, Samples):
        return _from_samples(source)
    if isinstance(source, Dataset):
        return from_dataset(source, options, labels)
    of_text = _kind(options, like) == "text"
    if is_table(source):
        return (
            _text_columns("from_text_table")(source, options, called(source))
            if of_text
            else from_table(source, options, like)
        )
    if isinstance(source, Mapping):
        return from_mapping(source, options, like=like)
    values, labels = source if isinstance(source, tuple) and len(source) == 2 and labels is None else (source, labels)
    texts = options.kind in (None, "text") and _is_texts(values, all if options.kind is None else any)
    return _texts("from_texts", values, options, labels) if texts else from_memory(values, labels)


def _tables_of(source: Any, options: Options) -> dict[str, Any]:
    """Recordings in memory by name: data frames in a list or a mapping, or a mapping of columns with time stamps."""
    if isinstance(source, list) and source and all(map(is_table, source)):
        return {f"recording {number}": table for number, table in enumerate(source)}
    if not isinstance(source, Mapping) or not source:
        return {}
    if all(map(is_table, source.values())):
        return {str(name): table for name, table in source.items()}
    columns = {str(name): np.asarray(column) for name, column in source.items() if np.ndim(column) == 1}
    timed = options.time in columns or any(column.dtype.kind == "M" for column in columns.values())
    if timed and len(columns) == len(source) and len({len(column) for column in columns.values()}) == 1:
        return {"recording": importlib.import_module("pyarrow").table(columns)}
    return {}


def check_used(raw: Raw, options: Options, like: Mapping[str, Any] | None, called: str) -> None:
    """Raise DataError if an option doesn't apply to this source, unless it comes from a model's training."""
    picture_files = raw.channels_first and raw.origin is not None
    named = picture_files or raw.origin in NAMES  # by their folders, or by the set itself
    if options.label is not None and (raw.labels is None or named) and not options.forgives("label", like):
        has, instead = ("neither", ", or give labels= together with an array in Python")
        if raw.labels is not None:
            has, instead = "labels of its own", ""
        raise DataError(
            f"label={options.label!r} names a column of a table or an array of an .npz, but {called} has {has}. "
            f"Leave it out{instead}."
        )
    for name in ("patches", "size", "mode", "depth", "frames"):
        if getattr(options, name) != getattr(Options, name) and not picture_files and not options.forgives(name, like):
            raise DataError(
                f"{name}={getattr(options, name)!r} is for picture files, but {called} contains values. "
                "Leave it out, or change the values first."
            )


def _kind(options: Options, like: Mapping[str, Any] | None) -> str | None:
    """The kind to read a source as: the option, or the medium of the model that the samples are for."""
    return options.kind or ((like or {}).get("medium") or {}).get("kind")


def _texts(reader: str, source: Any, options: Options, *labels: Any) -> Raw:
    """Texts in memory; `reader` is a function of `isthmus.data.texts`."""
    return getattr(importlib.import_module("isthmus.data.texts"), reader)(source, options, called(source), *labels)


def _is_texts(source: Any, which: Callable[[Iterable[bool]], bool] = all) -> bool:
    """Whether a source in memory is a list or an array of strings, or has any."""
    if isinstance(source, np.ndarray) and source.ndim == 1 and source.dtype.kind in "UO":
        source = source.tolist()
    return isinstance(source, list | tuple) and bool(source) and which(isinstance(one, str) for one in source)


def is_table(source: Any) -> bool:
    """Whether `source` supports the Arrow PyCapsule interface."""
    return hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__")


def called(source: Any) -> str:
    """The name of `source` in a message; IsthmusError capitalises "the" at the start of a sentence."""
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
    """The error for a source that the system can't read."""
    return DataError(f"{path} can't be read ({error.strerror or error}): check its permissions and its disk.")


def is_folder(path: Path) -> bool:
    """Whether a source is a folder; otherwise it is a file that isn't empty.

    Raises:
        DataError: it doesn't exist, is empty, or is a pipe or a device, which may never end.
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
        raise DataError(f"{path} is a pipe or a device: expected a file or a folder. Save the data as a file first.")
    if status.st_size == 0:
        raise DataError(f"{path} is empty (0 bytes): expected samples. Download or write it again.")
    return False


def _dispatched(path: Path, options: Options, like: Mapping[str, Any] | None) -> Raw:
    folder, suffix = is_folder(path), suffix_of(path.name) if suffix_of(path.name) in PICTURES else path.suffix.lower()
    if module := medium_reader(path, options, like):
        return _read_medium(module, path, options, like)
    if folder:
        recordings = expects_recordings(options, like) and not suffixes_in(path, options).keys() & set(PICTURES)
        return _read_recordings(path, options, like) if recordings else read_folder(path, options)
    if suffix in (*TEXT, ".gz") and expects_recordings(options, like):
        _check_fits(path, options)
    if IDX_NAME.search(path.name):
        return read_idx(path, options)
    if suffix == ".gz" and Path(path.stem).suffix.lower() in TEXT:
        return read_text(path, options, like)
    if suffix in READERS:
        return READERS[suffix](path, options)
    if suffix in CHOOSING:
        return CHOOSING[suffix](path, options, like)
    of_media = [suffix for _, suffixes in MEDIA.values() for suffix in suffixes]
    known = [*READERS, *CHOOSING, *of_media, ".idx.gz", ".csv.gz"]
    if suffix in RUNS_CODE:
        raise DataError(
            f"{path}: files of type {suffix} can run code, so they are never read. Save the values as .npy or .npz."
        )
    said = f"type {suffix!r}" if suffix else "a file without a suffix"
    raise DataError(f"{path}: {said} is unknown. {nearest(suffix, known)}")


def _check_fits(path: Path, options: Options) -> None:
    """Raise DataError if a text file of a recording is too large to be read as a whole."""
    size = path.stat().st_size
    if size > options.max_bytes:
        raise DataError(
            f"{path} has {size:,} bytes: expected at most max_bytes={options.max_bytes:,}, because a recording is read "
            "as a whole. Raise max_bytes, divide the file by time, or save the values as .npy, which stays on disk."
        )


def _read_recordings(folder: Path, options: Options, like: Mapping[str, Any] | None) -> Raw:
    """Recordings in the tables and arrays of a folder, each file one or more of them."""
    with collected(folder, options, RECORDINGS, None) as entries:
        divided = divide(entries, str(folder)).parts
    if not entries:
        raise DataError(f"{folder} has no recordings: expected files of type {', '.join(RECORDINGS)}.")
    raws = {
        part: together({entry.name: _dispatched(folder / entry.name, options, like) for entry in own}, str(folder))
        for part, own in divided.items()
    }
    return replace(raws.pop("train"), parts=raws)


def medium_reader(path: Path, options: Options, like: Mapping[str, Any] | None) -> str | None:
    """The module in `MEDIA` that reads this path; None for numbers and pictures."""
    kind = _kind(options, like)
    asked = next((module for module, (kinds, _) in MEDIA.items() if kind in kinds), None)
    several = path.is_dir() or path.suffix.lower() == ".zip"
    if options.kind is not None or (asked and (several or _is_of(path, asked))):
        return asked
    if several:
        kinds = {"pictures": PICTURES, **{module: suffixes for module, (_, suffixes) in MEDIA.items()}}
        most = leading(names_in(path, options), kinds)
        return None if most == "pictures" else most
    if path.suffix.lower() == ".txt":
        if not _texts_module().is_prose(path):
            return None
        remark(f"{path} is read as text, a sample per {options.unit}. To read numbers, set kind='table'.")
    return next((module for module, (_, suffixes) in MEDIA.items() if path.suffix.lower() in suffixes), None)


def _is_of(path: Path, module: str) -> bool:
    """Whether a file has a suffix that this module of `MEDIA` reads."""
    suffix = path.suffix.lower()
    return suffix in MEDIA[module][1] or (module == "texts" and suffix in TABLES_OF_TEXT)


def _texts_module() -> Any:
    return importlib.import_module("isthmus.data.texts")


def _text_columns(reader: str) -> Callable[..., Raw]:
    """A reader of a column of text in a table."""
    return getattr(importlib.import_module("isthmus.data.text_columns"), reader)


def _read_medium(module: str, path: Path, options: Options, like: Mapping[str, Any] | None) -> Raw:
    """The files of a medium at this path; those of other types are counted in a remark."""
    if module == "texts" and path.suffix.lower() in TABLES_OF_TEXT:
        return _text_columns("read_text_table")(path, options)
    kinds, suffixes = MEDIA[module]
    plain = module == "texts" and not any(_is_of(path, other) for other in MEDIA)  # any file can be text
    if path.is_file() and path.suffix.lower() != ".zip" and not _is_of(path, module) and not plain:
        raise DataError(
            f"{path} can't be read as {' or '.join(kinds)}: expected a file of type {', '.join(suffixes)}, or a folder "
            "or zip of such files."
        )
    with collected(path, options, suffixes, None if module in IN_BLOCKS else LARGEST) as entries:
        if not entries:
            raise DataError(f"{path} has no files of type {', '.join(suffixes)}. Give a folder with such files.")
        if path.is_dir() or path.suffix.lower() == ".zip":
            tell_unread(str(path), suffixes_in(path, options), suffixes)
        return importlib.import_module(f"isthmus.data.{module}").read_files(
            entries, options, str(path), medium_of(like)
        )


def _absent(path: Path) -> DataError:
    text = str(path)
    if address := re.match(r"(https?:)/+", text):  # a path shortens two slashes to one
        text = f"{address[1]}//{text[address.end() :]}"
        return DataError(f"{text} is an address: expected a path or one of {', '.join(NAMES)}. Download it first.")
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    bare = len(path.parts) == 1
    offered = nearest(path.name, [*NAMES, *beside] if bare else beside)
    hint = offered if offered.startswith("Did") else "Check the path."
    if bare and not path.suffix:
        return DataError(f"{text!r} is not a file, a folder or a known name ({', '.join(NAMES)}). {hint}")
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
        medium=samples.medium,
        precise=samples.dtype == "float64",
    )
