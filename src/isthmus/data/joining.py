"""Joining: the tables of several files become one before its columns become numbers.

A category or a type that only one of the files has would else be numbered by itself.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import pyarrow as pa

_TABLES: ContextVar[list[pa.Table] | None] = ContextVar("tables", default=None)


@contextlib.contextmanager
def joining() -> Iterator[list[pa.Table]]:
    """Within the block, in this thread, `from_arrow` adds tables to the list rather than reading their columns."""
    tables: list[pa.Table] = []
    before = _TABLES.set(tables)
    try:
        yield tables
    finally:
        _TABLES.reset(before)


def held_back(table: pa.Table) -> bool:
    """Whether the table was added to the list of a block of `joining`."""
    tables = _TABLES.get()
    if tables is None:
        return False
    tables.append(table)
    return True
