"""Sources: choosing the reader of a source, by its type or its file's name."""

import contextlib
import importlib
import os
import re
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from isthmus.data.arrays import from_mapping, from_memory
from isthmus.data.aside import aside_of_memory
from isthmus.data.blocks import Blocks
from isthmus.data.containers import Parts, is_table, plain
from isthmus.data.entries import divide, natural, stem_of, suffix_of
from isthmus.data.file_kinds import tell_unread
from isthmus.data.folders import LARGEST, collected, names_in, read_folder, read_zip, suffixes_in
from isthmus.data.media.medium import medium_of
from isthmus.data.named import NAMES, read_named
from isthmus.data.one_graph import NAMED as GRAPHS
from isthmus.data.one_graph import is_graphs
from isthmus.data.options import Options
from isthmus.data.path_lists import entries_of, in_order, paths_in
from isthmus.data.picture_formats import SUFFIXES as PICTURES
from isthmus.data.pictures import read_pictures
from isthmus.data.raw import Raw
from isthmus.data.readers.addresses import is_database, lasting, without_password
from isthmus.data.readers.known import BY_SUFFIX, SHARDS, function
from isthmus.data.recordings import cut, expects_recordings, together
from isthmus.data.samples import Samples
from isthmus.data.unpacked import SUFFIXES as PACKED
from isthmus.data.unpacked import unpack
from isthmus.errors import DataError, IsthmusError, nearest, out_of_memory, remark, shown_as
from isthmus.formatting import listed
from isthmus.storage.replacing import finish_swap

TEXT = BY_SUFFIX[".csv"].suffixes
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
MEDIA: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "texts": (("text",), (".txt", ".md", ".text", ".jsonl", ".ndjson")),
    "music": (("melody", "roll"), (".mid", ".midi", ".musicxml", ".mxl", ".xml", ".abc", ".krn", ".json")),
    "graphs": (("graph",), (".graphml", ".gml", ".edgelist", ".edges")),
    "sound": (("waveform", "mel"), (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")),
}
"""By the module that reads them: the kinds that a source can be read as, and the suffixes of its files."""
IN_BLOCKS = ("sound",)
"""Those of `MEDIA` whose files are read block by block, so that a file may be larger than memory."""
RECORDINGS = (".csv", ".tsv", ".parquet", ".npy")
"""Files of a folder that can be recordings, each a table of time steps by channels."""
TABLES_OF_TEXT = (".csv", ".tsv", ".parquet")
ALSO = {"texts": TABLES_OF_TEXT, "graphs": (".npz", ".npy", ".csv", ".tsv", ".txt")}
"""By module, the suffixes of further files that it reads where the kind is given."""
RUNS_CODE = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".dill", ".rds", ".rdata")
PAGES = 10
"""Texts next to tables are descriptions of these, unless there are so many times as many."""
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
    if labels is not None and (not in_memory or isinstance(source, Mapping | Samples)):
        raise DataError(
            f"labels= is for values in memory, not for {called(source)}. Name the label column with label=."
        )
    tables = _tables_of(source, options) if expects_recordings(options, like) else {}
    if tables:
        read = {name: _from_table(table, options, like, called(source)) for name, table in tables.items()}
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
    where = called(source)
    if paths := paths_in(source, (*BY_SUFFIX, *PACKED, *_of_media())):
        raw = _of_paths(paths, options, like, where)
        return raw if labels is None else replace(raw, labels=labels, label_names=())
    if is_graphs(source) or (_kind(options, like) == "graph" and _may_be_graphs(source, like)):
        return function("graphs:from_memory")(source, options, where, labels, medium_of(like))
    found = plain(source, options, where)
    if isinstance(found, tuple) and len(found) == 2 and labels is None:
        return _read(found[0], options, found[1], like)
    raw = _of_plain(found, options, labels, like, where)
    return raw if labels is None or raw.texts else replace(raw, labels=labels)


def _of_plain(found: Any, options: Options, labels: Any, like: Mapping[str, Any] | None, where: str) -> Raw:
    """An object as `plain` returns it. labels: those of texts, which may be cut into pieces."""
    if isinstance(found, Raw | Samples):
        raw = found if isinstance(found, Raw) else _from_samples(found)
        return raw if labels is None else replace(raw, label_names=())
    if isinstance(found, Parts):
        return _of_parts(found.by_part(where), options, like)
    if is_table(found) or _is_mixed(found):
        return _from_table(found, options, like, where)
    if isinstance(found, Mapping):
        return from_mapping(found, options, like=like)
    if options.kind in (None, "text") and _is_texts(found, all if options.kind is None else any):
        return function("texts:from_texts")(found, options, called(found), labels)
    return from_memory(found, max_bytes=options.max_bytes)


def _of_parts(sources: Mapping[str, Any], options: Options, like: Mapping[str, Any] | None) -> Raw:
    """Sources of parts, "train" among them; that defines what the columns of a table hold."""
    train = _read(sources["train"], options, None, like)
    known = like or (function("tables:following")(train, options) if train.schema is not None else None)
    others = {name: _read(part, options, None, known) for name, part in sources.items() if name != "train"}
    return replace(train, parts=others)


def _of_paths(paths: list[Path], options: Options, like: Mapping[str, Any] | None, where: str) -> Raw:
    """Files of one type: pictures, arrays, shards of a table, or files of a medium."""
    entries = entries_of(paths, where)
    there = {suffix_of(path.name) for path in paths}
    if there <= set(PICTURES):
        return replace(in_order(read_pictures(entries, options, where), entries), decoded=True)
    if there == {".npy"}:
        return function("readers.array_files:read_arrays")(entries, options, where)
    if there <= set(SHARDS) and _kind(options, like) != "text":
        file_of = {entry.name: contextlib.nullcontext(path) for entry, path in zip(entries, paths, strict=True)}
        join: Any = function("readers.shards:join_tables")
        return join(entries, lambda entry: file_of[entry.name], options, like, _by_type, where)
    module = next((module for module, (_, suffixes) in MEDIA.items() if there <= set(suffixes)), None)
    if module is None:
        some = listed(sorted(suffix or "none" for suffix in there))
        raise DataError(f"{where} has files of several types ({some}): expected one type. Give each type by itself.")
    return function(f"{module}:read_files")(entries, options, where, medium_of(like))


def _from_table(source: Any, options: Options, like: Mapping[str, Any] | None, where: str) -> Raw:
    """A table in memory, or an array with fields or of mixed objects, as numbers or as texts."""
    made: Any = importlib.import_module("isthmus.data.arrow_tables")
    if isinstance(source, np.ndarray):
        table = made.of_fields(source, where) if source.dtype.names else made.of_objects(source)
    else:
        table = made.arrow_table(source, where)
    if _kind(options, like) == "text":
        return function("text_columns:from_text_table")(table, options, where)
    return function("tables:from_arrow")(table, options, where, like)


def _is_mixed(source: Any) -> bool:
    """Whether an array has fields, or columns that aren't all numbers."""
    if not isinstance(source, np.ndarray) or source.ndim > 2:
        return False
    return bool(source.dtype.names) or (source.ndim == 2 and source.dtype.kind in "OUS")


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
    picture_files = raw.decoded or (raw.channels_first and raw.origin is not None)
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


def _may_be_graphs(source: Any, like: Mapping[str, Any] | None) -> bool:
    """Whether values are adjacencies or edges, rather than samples in the layout of the model that they are for."""
    if isinstance(source, Raw | Samples):
        return False
    return like is None or len(getattr(source, "shape", ())) != 1 + len(like["shape"])


def _is_texts(source: Any, which: Callable[[Iterable[bool]], bool] = all) -> bool:
    """Whether a source in memory is a list or an array of strings, or has any."""
    if isinstance(source, np.ndarray) and source.ndim == 1 and source.dtype.kind in "UO":
        source = source.tolist()
    return isinstance(source, list | tuple) and bool(source) and which(isinstance(one, str) for one in source)


def called(source: Any) -> str:
    """The name of `source` in a message; IsthmusError capitalises "the" at the start of a sentence."""
    if not isinstance(source, str | os.PathLike):
        return f"the {type(source).__name__}"
    return without_password(source) if isinstance(source, str) else str(source)


def _read_path(source: str | os.PathLike[str], options: Options, like: Mapping[str, Any] | None) -> Raw:
    if isinstance(source, str) and source in GRAPHS:
        return function("graphs:read_named")(source, options, medium_of(like))
    if isinstance(source, str) and source in NAMES:
        return read_named(source, options)
    if not os.fspath(source):
        raise DataError(f"The path is empty: expected a file, a folder or one of {', '.join(NAMES)}.")
    if isinstance(source, str) and ADDRESS.match(source):
        return _read_address(source, options, like)
    path = Path(source).expanduser()
    raw = _dispatched(path, options, like)
    return replace(raw, origin=str(path.resolve()))


def _read_address(address: str, options: Options, like: Mapping[str, Any] | None) -> Raw:
    """A database, or a file or folder that is fetched first. A password in the address is not kept."""
    if address.lower().startswith("file://"):
        return _read_path(url2pathname(urlsplit(address).path), options, like)
    if is_database(address):
        return replace(function("readers.databases:read_address")(address, options, like), origin=lasting(address))
    with function("readers.remote:fetched")(address, options) as path, shown_as(str(path), called(address)):
        raw = _dispatched(path, replace(options, memory_map=False), like)
    return replace(raw, origin=called(address))


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
    found = _by_type(path, options, like)
    if isinstance(found, Raw) and not _is_mixed(found.values):
        return found
    values = found.values if isinstance(found, Raw) else found  # a table, or an array with fields
    if is_table(values) or _is_mixed(values):
        return _from_table(values, options, like, str(path))
    return from_memory(values, max_bytes=options.max_bytes)


def _by_type(path: Path, options: Options, like: Mapping[str, Any] | None) -> Any:
    """The samples of a file or folder, from the reader for its type; or a table or an array."""
    folder = is_folder(path)
    if module := medium_reader(path, options, like):
        return _read_medium(module, path, options, like)
    if is_zarr(path):
        return function(BY_SUFFIX[".zarr"].reader)(path, options, like)
    if folder or path.suffix.lower() == ".zip":
        timed = folder and expects_recordings(options, like) and not suffixes_in(path, options).keys() & set(PICTURES)
        return (_read_recordings if timed else _of_several)(path, options, like)
    if path.suffix.lower() in (*TEXT, ".gz") and expects_recordings(options, like):
        _check_fits(path, options)
    return _of_file(path, options, like)


def _of_several(path: Path, options: Options, like: Mapping[str, Any] | None) -> Any:
    """The samples of a folder or zip, by the type of most of its files."""
    counts = _count(path, options)
    if counts["arrays"] > max(counts["pictures"], counts["tables"]):
        with collected(path, options, (".npy",)) as entries:
            ordered = sorted(entries, key=lambda entry: natural(entry.name))
            return function("readers.array_files:read_arrays")(ordered, options, str(path))
    if _are_tables(counts, options):
        return function("readers.shards:read_tables")(path, options, like, _by_type)
    return (read_folder if path.is_dir() else read_zip)(path, options)


def _of_file(path: Path, options: Options, like: Mapping[str, Any] | None) -> Any:
    suffix, inner = path.suffix.lower(), Path(path.stem).suffix.lower()
    if suffix_of(path.name) in PICTURES:  # some have two suffixes, such as .nii.gz
        return function(BY_SUFFIX[".png"].reader)(path, options, like)
    if IDX_NAME.search(path.name):
        suffix = ".idx"
    elif suffix == ".gz" and inner in TEXT:
        suffix = inner
    elif suffix == ".txt" and options.kind in (None, "table") and function("readers.svmlight:is_svmlight")(path):
        suffix = ".libsvm"
    if suffix in PACKED and inner in {*BY_SUFFIX, ".zip", *_of_media()}:
        return _read_packed(path, options, like)
    if suffix in BY_SUFFIX:
        return function(BY_SUFFIX[suffix].reader)(path, options, like)
    if suffix in RUNS_CODE:
        raise DataError(
            f"{path}: files of type {suffix} can run code, so they are never read. Save the values as .npy or .npz."
        )
    said = f"type {suffix!r}" if suffix else "a file without a suffix"
    known = [*BY_SUFFIX, ".zip", *_of_media(), ".idx.gz", ".csv.gz"]
    raise DataError(f"{path}: {said} is unknown. {nearest(suffix, known)}")


def _of_media() -> list[str]:
    return [suffix for _, suffixes in MEDIA.values() for suffix in suffixes]


def _read_packed(path: Path, options: Options, like: Mapping[str, Any] | None) -> Any:
    """A file that is compressed whole, unpacked for as long as it is read."""
    with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        target = Path(folder) / path.stem
        unpack(path, target, options.max_bytes)
        with shown_as(str(target), str(path)):
            return _dispatched(target, replace(options, memory_map=False), like)


def is_zarr(path: Path) -> bool:
    """Whether a folder or zip is a Zarr store, by its suffix or by the files in it."""
    if path.is_dir():
        marks = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
        return path.suffix.lower() == ".zarr" or any((path / mark).is_file() for mark in marks)
    return path.name.lower().endswith(".zarr.zip")


def of_tables(path: Path, options: Options) -> bool:
    """Whether a folder or zip holds a table in several files, rather than pictures: it has more of them."""
    return _are_tables(_count(path, options), options)


def _are_tables(counts: Mapping[str, int], options: Options) -> bool:
    """The same by the counts of the files."""
    if options.kind in ("table", "pictures"):
        return options.kind == "table" and counts["tables"] > 0
    return counts["tables"] > counts["pictures"]


def _count(path: Path, options: Options) -> dict[str, int]:
    """How many files of a folder or zip each reader takes: pictures, tables and the modules of `MEDIA`."""
    names = names_in(path, options)
    pictures = {stem_of(name) for name in names if suffix_of(name) in PICTURES}
    found = Counter(suffix_of(name) for name in names if suffix_of(name) in PICTURES or stem_of(name) not in pictures)
    kinds = {
        "pictures": PICTURES,
        "arrays": (".npy",),
        "tables": SHARDS,
        **{module: suffixes for module, (_, suffixes) in MEDIA.items()},
    }
    return {kind: sum(found[suffix] for suffix in suffixes) for kind, suffixes in kinds.items()}


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
        if is_zarr(path):
            return None
        counts = _count(path, options)
        if counts["tables"] or counts["arrays"]:  # a description of them is often next to them
            counts = {**counts, "texts": counts["texts"] // PAGES, "music": counts["music"] // PAGES}
        most = max(MEDIA, key=lambda module: counts[module])
        return most if counts[most] > max(counts["pictures"], counts["arrays"], counts["tables"]) else None
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return _reader_of_json(path, options)
    if path.suffix.lower() == ".txt":
        if not function("texts:is_prose")(path):
            return None
        remark(f"{path} is read as text, a sample per {options.unit}. To read numbers, set kind='table'.")
    return next((module for module, (_, suffixes) in MEDIA.items() if path.suffix.lower() in suffixes), None)


def _reader_of_json(path: Path, options: Options) -> str | None:
    """The module that reads a file whose suffix is claimed by notes or texts, and by tables; None for a table."""
    tables: Any = importlib.import_module("isthmus.data.readers.json_tables")
    if path.suffix.lower() == ".json":
        if tables.is_table(path):
            return None
        if tables.may_be_rows(path):
            remark(f"{path} is read as notes. If its lists are rows of a table, set kind='table'.")
        return "music"
    rows = tables.lines_are_rows(path)
    if rows is False:
        return "texts"
    if rows and not options.columns:
        remark(
            f"{path} is read as a table, a row from each line. To read one of its fields as text, set kind='text' and "
            "columns= to its name."
        )
    return None


def _is_of(path: Path, module: str) -> bool:
    """Whether a file has a suffix that this module of `MEDIA` reads."""
    suffix = path.suffix.lower()
    return suffix in MEDIA[module][1] or suffix in ALSO.get(module, ())


def _read_medium(module: str, path: Path, options: Options, like: Mapping[str, Any] | None) -> Raw:
    """The files of a medium at this path; those of other types are counted in a remark."""
    if module == "texts" and path.suffix.lower() in TABLES_OF_TEXT:
        return function("text_columns:read_text_table")(path, options)
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
        return function(f"{module}:read_files")(entries, options, str(path), medium_of(like))


def _absent(path: Path) -> DataError:
    text = str(path)
    if address := re.match(r"([A-Za-z][A-Za-z0-9+.-]+:)/+", text):  # a path shortens two slashes to one
        text = f"{address[1]}//{text[address.end() :]}"
        return DataError(f"{text} is an address: expected a path. Give it as a string to read it from there.")
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    bare = len(path.parts) == 1
    offered = nearest(path.name, [*NAMES, *beside] if bare else beside)
    hint = offered if offered.startswith("Did") else "Check the path."
    if bare and not path.suffix:
        return DataError(f"{text!r} is not a file, a folder or a known name ({', '.join(NAMES)}). {hint}")
    return DataError(f"{path} does not exist: expected a file or folder with samples. {hint}")


def _from_samples(samples: Samples) -> Raw:
    values = samples.values if samples.rows is None and not isinstance(samples.values, Blocks) else samples.tensor()
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
        schema=samples.schema,
        unused=samples.unused,
        factors=samples.factors,
        factor_names=samples.factor_names,
        precise=samples.dtype == "float64",
    )
