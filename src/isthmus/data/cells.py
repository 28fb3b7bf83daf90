"""Cells of text tables: text that a spreadsheet would run as a formula is guarded when written, restored when read.

Source: OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.
"""

import re
from typing import Any

import pyarrow as pa
from pyarrow import compute

from isthmus.plain import utf8

pc: Any = compute  # which makes its functions when it is imported

FORMULA = r"^'*[=+\-@\t\r]"
"""The start of a cell that a spreadsheet treats as a formula, or that is already guarded."""
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(inf|infinity|nan)$"


def guarded(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before names and cells of text that would be formulas; numbers stay as they are."""
    names = [guarded_name(name) for name in table.column_names]
    return pa.Table.from_arrays([_guarded(column) for column in table.columns], names, metadata=table.schema.metadata)


def _guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    formula = pc.and_not(pc.match_substring_regex(column, FORMULA), pc.match_substring_regex(column, NUMBER))
    return pc.if_else(formula, pc.binary_join_element_wise("'", column, ""), column)


def guarded_name(name: str) -> str:
    """The same of one name.

    >>> guarded_name("=1+1"), guarded_name("-1"), guarded_name("'=1")
    ("'=1+1", '-1', "''=1")
    """
    name = utf8(name)
    return f"'{name}" if re.match(FORMULA, name) and not re.match(NUMBER, name) else name


def unguarded(table: pa.Table) -> pa.Table:
    """The original table from a `guarded` one."""
    columns = [
        pc.replace_substring_regex(column, r"^'('*[=+\-@\t\r])", r"\1", max_replacements=1)
        if pa.types.is_string(column.type) and pc.any(pc.starts_with(column, "'")).as_py()
        else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def unguarded_name(name: str) -> str:
    """The same of one name."""
    return name[1:] if name.startswith("'") and re.match(FORMULA, name) else name
