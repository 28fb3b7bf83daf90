"""ARFF: Weka's tables, with types of columns; nominal ones are categories.

Source: https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.tables import check_columns, from_arrow
from isthmus.errors import DataError

NUMERIC = ("numeric", "real", "integer")
_ATTRIBUTE = re.compile(r"@attribute\s+('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\S+)\s+(.+)", re.IGNORECASE)


@dataclass(frozen=True)
class _Attribute:
    name: str
    kind: str
    names: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        return self.kind in NUMERIC


def read_arff(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Raw:
    """Read an ARFF file, dense or sparse. Nominal columns are categories, `?` is a missing value.

    Raises:
        DataError: it is damaged, or its columns don't fit.
    """
    try:
        lines = path.read_bytes().decode("utf-8-sig" if options.encoding == "utf-8" else options.encoding).splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not {options.encoding} text ({error.reason}). Set encoding='latin-1'.") from error
    attributes, start = _header(lines, path)
    columns: list[list[Any]] = [[] for _ in attributes]
    for number, line in enumerate(lines[start:], start=start + 1):
        text = line.strip()
        if text and not text.startswith("%"):
            for column, attribute, cell in zip(
                columns, attributes, _cells(text, attributes, path, number), strict=True
            ):
                column.append(_value(cell, attribute, path, number))
    table = pa.table(
        [_column(cells, attribute) for cells, attribute in zip(columns, attributes, strict=True)],
        names=[attribute.name for attribute in attributes],
    )
    return from_arrow(table, options, str(path), like)


def _header(lines: Sequence[str], path: Path) -> tuple[list[_Attribute], int]:
    """The attributes, and the number of the first line of the data."""
    attributes: list[_Attribute] = []
    for number, line in enumerate(lines):
        text = line.strip()
        if re.match(r"@data\b", text, re.IGNORECASE):
            if not attributes:
                raise DataError(f"{path} declares no columns: expected lines of @attribute before @data.")
            check_columns(len(attributes), str(path))
            return attributes, number + 1
        if re.match(r"@attribute\b", text, re.IGNORECASE):
            found = _ATTRIBUTE.match(text)
            if not found:
                raise DataError(f"{path}: line {number + 1} declares no name and type ({text[:40]!r}). Correct it.")
            attributes.append(_attribute(_unquoted(found[1]), found[2].strip()))
    raise DataError(f"{path} is cut short or no ARFF file: expected @attribute and @data. Download or write it again.")


def _attribute(name: str, kind: str) -> _Attribute:
    if kind.startswith("{"):
        return _Attribute(name, "nominal", tuple(_split(kind.strip()[1:].rstrip().removesuffix("}"))))
    return _Attribute(name, kind.split(None, 1)[0].lower())


def _split(text: str) -> list[str]:
    """The cells of a row, with quotes removed."""
    quote = "'" if "'" in text else '"'
    row = next(csv.reader([text], quotechar=quote, escapechar="\\", skipinitialspace=True), [])
    return [_unquoted(cell.strip()) for cell in row]


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if quoted else text


def _cells(text: str, attributes: Sequence[_Attribute], path: Path, number: int) -> list[str]:
    if text.startswith("{"):  # only the cells that aren't the first value, by their places
        cells = ["0" if attribute.numeric else (attribute.names or ("?",))[0] for attribute in attributes]
        for pair in filter(None, _split(text[1:].rstrip().removesuffix("}"))):
            place, _, cell = pair.partition(" ")
            if not place.isdigit() or int(place) >= len(cells):
                raise DataError(f"{path}: line {number} names column {place!r}: expected 0 to {len(cells) - 1}.")
            cells[int(place)] = _unquoted(cell.strip())
        return cells
    cells = _split(text) if "," in text or len(attributes) == 1 else text.split()
    if len(cells) != len(attributes):
        raise DataError(
            f"{path}: line {number} has {len(cells)} values where {len(attributes)} were expected. Correct the line."
        )
    return cells


def _value(cell: str, attribute: _Attribute, path: Path, number: int) -> Any:
    if cell in ("?", ""):
        return None
    if not attribute.numeric:
        return cell
    try:
        return float(cell)
    except ValueError as error:
        raise DataError(
            f"{path}: line {number} has {cell[:20]!r} in the numeric column {attribute.name!r}. Correct it."
        ) from error


def _column(cells: list[Any], attribute: _Attribute) -> pa.Array:
    if attribute.numeric:
        return pa.array(cells, pa.float64())
    return pa.array(cells, pa.string()).dictionary_encode() if attribute.names else pa.array(cells, pa.string())
