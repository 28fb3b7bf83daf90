"""JSON: records, columns or rows in one value, and JSON lines, as tables."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from isthmus.data.datasets import as_table, column_of
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.tables import from_arrow
from isthmus.errors import DataError
from isthmus.formatting import listed

HEAD = 2**16
FIRST_LINES = 50
"""How many lines decide whether JSON lines are texts or rows of a table."""
PROSE_WORDS = 3
_RECORDS = re.compile(r"\s*\[\s*\{")
_COLUMNS = re.compile(r"\s*\{(?!\s*\"[^\"]*\"\s*:\s*\[\s*\[\s*\[)")
"""How an object begins, unless it holds pieces of notes by part, which are lists three deep."""
_ROWS = re.compile(r"\s*\[\s*\[(?!\s*[\[\]])")
_NO_PITCH = re.compile(r"-?\d+\.\d|-?\d+[eE]|\"|-?\d{4}|[2-9]\d\d|1[3-9]\d|12[89]|-[2-9]|-1\d")
"""What lists of pitches, from -1 to 127, never hold."""


def is_table(path: Path) -> bool:
    """Whether a `.json` holds a table rather than the notes of pieces of music."""
    with path.open("rb") as file:
        head = file.read(HEAD).decode("utf-8-sig", errors="replace")
    rows = _ROWS.match(head) and _NO_PITCH.search(head)
    return bool(_RECORDS.match(head) or _COLUMNS.match(head) or rows)


def may_be_rows(path: Path) -> bool:
    """Whether lists of notes in a `.json` could as well be rows of a table: they are two deep."""
    with path.open("rb") as file:
        return bool(_ROWS.match(file.read(HEAD).decode("utf-8-sig", errors="replace")))


def lines_are_rows(path: Path) -> bool | None:
    """Whether the lines of a `.jsonl` are rows of a table rather than texts; None for rows that hold no text at all.

    Texts are strings, or objects with a field "text", or with one field of text that has several words in most lines.
    """
    with path.open("rb") as file:
        head = file.read(HEAD).decode("utf-8-sig", errors="replace")
    rows = []
    for line in head.splitlines()[:FIRST_LINES]:
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    objects = [row for row in rows if isinstance(row, Mapping)]
    if not objects:
        return None if rows and all(isinstance(row, list) for row in rows) else False
    fields = {name for row in objects for name, value in row.items() if isinstance(value, str)}
    if not fields:
        return None
    if "text" in fields:
        return False
    if len(fields) > 1:
        return True
    name = next(iter(fields))
    words = [len(row[name].split()) for row in objects if isinstance(row.get(name), str)]
    alone = all(len(row) == 1 for row in objects)
    return not alone and float(np.median(words)) < PROSE_WORDS


def read_json(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read a `.json` as a table: a list of objects, an object of columns, or a list of rows of numbers.

    Raises:
        DataError: it is damaged, or no table.
    """
    try:
        given = json.loads(path.read_bytes().decode(_encoding(options)))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged or no JSON ({str(error)[:80]}). Download or write it again.") from error
    return _read(given, path, options, like)


def read_lines(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read JSON lines as a table, a row from each line.

    Raises:
        DataError: a line is damaged, or the lines make no table.
    """
    rows = []
    try:
        text = path.read_bytes().decode(_encoding(options))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not {options.encoding} ({error}). Name its encoding with encoding=.") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path} is damaged: line {number} is not JSON ({str(error)[:60]}). Write it again."
            ) from error
    if not rows:
        raise DataError(f"{path} has no lines: expected a row for each sample.")
    return _read(rows, path, options, like)


def _encoding(options: Options) -> str:
    return "utf-8-sig" if options.encoding == "utf-8" else options.encoding


def _read(given: Any, path: Path, options: Options, like: Mapping[str, Any] | None) -> Raw:
    if isinstance(given, Mapping):
        given = _of_object(given, path, options)
    if isinstance(given, Mapping):
        lengths = {name: len(cells) for name, cells in given.items()}
        if len(set(lengths.values())) > 1:
            some = listed([f"{name} has {length}" for name, length in lengths.items()])
            raise DataError(f"{path} has columns of different lengths ({some}): expected a cell of each in every row.")
        return from_arrow(pa.table({n: column_of(c) for n, c in given.items()}), options, str(path), like)
    if isinstance(given, list) and given and all(isinstance(row, Mapping) for row in given):
        return from_arrow(as_table(given, str(path)), options, str(path), like)
    if isinstance(given, list) and given and all(isinstance(row, list) for row in given):
        return _of_rows(given, (), path, options, like)
    raise DataError(
        f"{path} has {type(given).__name__} that makes no table: expected a list of objects, an object of columns of "
        "one length, or a list of rows of numbers."
    )


def _of_object(given: Mapping[str, Any], path: Path, options: Options) -> Any:
    """The rows or columns in an object: its columns, pandas' forms of a frame, or the only list of objects in it."""
    if isinstance(given.get("columns"), list) and isinstance(given.get("data"), list):  # orient="split"
        names = list(map(str, given["columns"]))
        return [dict(zip(names, row, strict=False)) for row in given["data"] if isinstance(row, list)]
    if options.array is not None:
        if options.array not in given:
            raise DataError(f"array={options.array!r}: {path} has no such field. It has {listed(list(given))}.")
        return given[options.array]
    values = list(given.values())
    if values and all(isinstance(value, Mapping) for value in values):  # column → {row: cell}, as pandas writes
        return {name: list(cells.values()) for name, cells in given.items()}
    if values and all(isinstance(value, list) for value in values) and not any(map(_holds_lists, values)):
        return given
    lists = [name for name, value in given.items() if isinstance(value, list) and value]
    if len(lists) == 1:  # an answer of a web service: facts about it, and the records
        return given[lists[0]]
    raise DataError(
        f"{path} has an object with the fields {listed(list(given))}: expected columns, each a list of one length, or "
        "a list of objects. Name the field with the rows with array=."
    )


def _holds_lists(value: Sequence[Any]) -> bool:
    return bool(value) and isinstance(value[0], list | Mapping)


def _of_rows(
    rows: list[list[Any]], names: Sequence[str], path: Path, options: Options, like: Mapping[str, Any] | None
) -> Raw:
    width = len(rows[0])
    wrong = next((place for place, row in enumerate(rows) if len(row) != width), None)
    if wrong is not None:
        raise DataError(
            f"{path}: row {wrong} has {len(rows[wrong])} cells where {width} were expected. Correct the row."
        )
    if any(isinstance(cell, list) for cell in rows[0]):
        return Raw(np.asarray(rows))
    columns = [column_of(list(column)) for column in zip(*rows, strict=True)]
    table = pa.table(columns, names=list(names) or [str(place) for place in range(width)])
    return from_arrow(table, options, str(path), like, named=bool(names))
