"""Joining: the tables of several files become one before its columns become numbers.

A category or a type that only one of the files has would else be numbered by itself.
"""

import contextlib
from collections.abc import Collection, Iterator
from contextvars import ContextVar

import pyarrow as pa

Piece = tuple[pa.Table, frozenset[str]]
"""A table, and its columns of text that are encoded as dictionaries."""
_TABLES: ContextVar[list[Piece] | None] = ContextVar("tables", default=None)


@contextlib.contextmanager
def joining() -> Iterator[list[Piece]]:
    """Within the block, in this thread, `from_arrow` adds tables to the list rather than reading their columns."""
    tables: list[Piece] = []
    before = _TABLES.set(tables)
    try:
        yield tables
    finally:
        _TABLES.reset(before)


def held_back(table: pa.Table, texts: Collection[str] = ()) -> bool:
    """Whether the table was added to the list of a block of `joining`."""
    tables = _TABLES.get()
    if tables is None:
        return False
    tables.append((table, frozenset(texts)))
    return True
