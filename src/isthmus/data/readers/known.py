"""The table of formats: their suffixes, what they become, and who reads them."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from isthmus.data.picture_formats import FORMATS as PICTURES


@dataclass(frozen=True)
class Format:
    """A format of files.

    suffixes: of its files, in lower case; the first is the usual one. becomes: the kinds of samples.
    reader: the function that reads a file, `module:name` below `isthmus.data`; "" for media and pictures.
    pieces: the function that reads it in pieces, if there is one.
    extra, modules: what must be installed; nothing further where these are empty.
    """

    name: str
    suffixes: tuple[str, ...]
    becomes: str
    reader: str = ""
    pieces: str = ""
    extra: str = ""
    modules: tuple[str, ...] = ()


FORMATS = (
    Format("NumPy array", (".npy",), "table, pictures or series", "arrays:read_npy", "arrays:npy_pieces"),
    Format("NumPy archive, SciPy sparse matrix", (".npz",), "table, pictures or series", "arrays:read_npz"),
    Format("Text table", (".csv", ".tsv", ".txt", ".data", ".dat"), "table", "text:read_text", "text:text_pieces"),
    Format("Parquet", (".parquet", ".pq"), "table", "tables:read_parquet", "tables:parquet_pieces"),
    Format(
        "Feather, Arrow IPC",
        (".feather", ".arrow", ".ipc"),
        "table",
        "readers.arrow_files:read_feather",
        "readers.arrow_files:feather_pieces",
    ),
    Format("ORC", (".orc",), "table", "readers.arrow_files:read_orc", "readers.arrow_files:orc_pieces"),
    Format(
        "Excel, OpenDocument spreadsheet",
        (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
        "table",
        "readers.spreadsheets:read_spreadsheet",
        extra="excel",
        modules=("python_calamine", "openpyxl"),
    ),
    Format(
        "SQLite, also sqlite:///file.db?table=…",
        (".sqlite", ".sqlite3", ".db", ".db3"),
        "table",
        "readers.databases:read_sqlite",
        "readers.databases:sqlite_pieces",
    ),
    Format("JSON", (".json",), "table", "readers.json_tables:read_json"),
    Format("JSON lines", (".jsonl", ".ndjson"), "table", "readers.json_tables:read_lines"),
    Format("ARFF", (".arff",), "table", "readers.arff:read_arff"),
    Format("libsvm", (".libsvm", ".svmlight", ".svm"), "table", "readers.svmlight:read_svmlight"),
    Format(
        "MATLAB (7.3 needs the extra)",
        (".mat",),
        "table, pictures or series",
        "readers.matlab:read_matlab",
        extra="hdf5",
        modules=("h5py",),
    ),
    Format(
        "HDF5",
        (".h5", ".hdf5", ".hdf", ".he5"),
        "table, pictures or series",
        "readers.hdf5:read_hdf5",
        extra="hdf5",
        modules=("h5py",),
    ),
    Format("AnnData", (".h5ad",), "table", "readers.annotated:read_h5ad", extra="hdf5", modules=("h5py",)),
    Format(
        "netCDF",
        (".nc", ".nc4", ".cdf"),
        "table, pictures or series",
        "readers.gridded:read_netcdf",
        extra="arrays",
        modules=("xarray", "h5netcdf"),
    ),
    Format(
        "Zarr",
        (".zarr",),
        "table, pictures or series",
        "readers.gridded:read_zarr",
        extra="arrays",
        modules=("xarray", "zarr"),
    ),
    Format("safetensors", (".safetensors",), "table, pictures or series", "readers.tensors:read_safetensors"),
    Format("IDX", (".idx",), "pictures or labels", "idx:read_idx"),
    *(
        Format(each.name, each.suffixes, "pictures", "folders:read_picture", extra=each.extra, modules=each.modules)
        for each in PICTURES
    ),
)
"""Formats of numbers and pictures; a suffix belongs to one of them."""
SHARDS = (
    ".csv", ".tsv", ".parquet", ".pq", ".feather", ".arrow", ".ipc", ".orc", ".xlsx", ".xls", ".ods", ".jsonl",
    ".ndjson", ".arff", ".csv.gz", ".tsv.gz", ".json.gz", ".jsonl.gz", ".ndjson.gz", ".arff.gz", ".parquet.gz",
    ".gz", ".bz2", ".xz", ".zst",
)  # fmt: skip
"""Of files that can be shards of a table."""
BY_SUFFIX = {suffix: format for format in FORMATS for suffix in format.suffixes}


def function(reference: str) -> Callable[..., Any]:
    """A reader of the table, whose module is imported at its first call: some take many megabytes."""
    module, _, name = reference.partition(":")
    return attrgetter(name)(importlib.import_module(f"isthmus.data.{module}"))
