"""Texts in a column of a table."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.schema.column import is_text
from isthmus.data.texts import from_texts
from isthmus.errors import DataError, nearest
from isthmus.formatting import listed


def read_text_table(path: Path, options: Options) -> Raw:
    """The texts in one column of a CSV, TSV or Parquet file.

    Raises:
        DataError: the file is damaged, or has no such column.
    """
    if path.suffix.lower() == ".parquet":
        table = parquet.read_table(path)
    else:
        delimiter = options.delimiter or ("\t" if path.suffix.lower() == ".tsv" else ",")
        try:
            table = arrow_csv.read_csv(
                path,
                read_options=arrow_csv.ReadOptions(encoding=options.encoding, block_size=2**24),
                parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            )
        except (pa.ArrowInvalid, LookupError, UnicodeDecodeError) as error:
            said = " ".join(str(error).split())[:120]
            raise DataError(f"{path} is not a table ({said}). For plain text, give it the suffix .txt.") from error
    return from_text_table(table, options, str(path))


def from_text_table(table: Any, options: Options, where: str) -> Raw:
    """The texts in one column of a table in memory, with the label column if one is named.

    Raises:
        DataError: there is no such column, or several could be meant.
    """
    table = pa.table(table)
    texts = [name for name in table.column_names if is_text(table[name].type) and name != options.label]
    chosen = list(options.columns) or texts
    if len(chosen) != 1:
        raise DataError(
            f"{where} has {len(chosen)} columns of text ({listed(chosen)}): expected one. Name it with columns=."
        )
    if chosen[0] not in table.column_names:
        raise DataError(f"{where} has no column {chosen[0]!r}. {nearest(chosen[0], table.column_names)}")
    labels = None
    if options.label is not None:
        if options.label not in table.column_names:
            hint = nearest(str(options.label), table.column_names)
            raise DataError(f"{where} has no column {options.label!r}. {hint}")
        labels = table[options.label].to_pylist()
    column = ["" if text is None else text for text in table[chosen[0]].to_pylist()]
    return from_texts(column, options, where, labels)
