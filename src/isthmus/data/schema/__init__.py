"""Schemas: what the columns of a table hold, and how they become the numbers of a model and come back."""

from isthmus.data.schema.column import KINDS, Column
from isthmus.data.schema.schema import Schema

__all__ = ["KINDS", "Column", "Schema"]
