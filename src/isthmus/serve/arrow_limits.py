"""Arrow streams from strangers: what they unpack to is known before they are unpacked.

Source: the flatbuffers `Message`, `RecordBatch` and `DictionaryBatch` of
https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format.
"""

import struct
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
from pyarrow import ipc

from isthmus.errors import DataError
from isthmus.serve.limits import Limits
from isthmus.serve.refusal import RefusedError

DICTIONARY, BATCH = 2, 3
"""Kinds of messages, as their header says."""


def check_buffers(content: bytes, limits: Limits) -> None:
    """Refuse a stream whose buffers would need more memory than allowed, or that has columns of other types.

    Compressed buffers declare the size that they unpack to, and no more is unpacked.

    Raises:
        RefusedError: it needs too much memory (413), or has too many rows (422).
        DataError: a column is nested, or its rows are encoded by runs.
    """
    messages = ipc.MessageReader.open_stream(content)
    total = rows = 0
    for message in messages:
        if message.type == "schema":
            _check_types(ipc.read_schema(message))
            continue
        size, length = _unpacked(message)
        total, rows = total + size, rows + length
        if total > limits.max_bytes:
            raise RefusedError(
                413, f"The stream unpacks to more than {limits.max_bytes:,} bytes. Send it in several requests."
            )
        if rows > limits.max_rows:
            raise RefusedError(
                422, f"The stream has more than {limits.max_rows:,} rows. Send them in several requests."
            )


def _check_types(schema: pa.Schema) -> None:
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_nested(kind) or pa.types.is_run_end_encoded(kind):
            raise DataError(f"Column {field.name!r} has values of type {kind}: expected numbers, text or dates.")


def _unpacked(message: ipc.Message) -> tuple[int, int]:
    """The bytes that the buffers of a message need, and its rows (0 for a dictionary)."""
    table = _Table.root(bytes(message.metadata))
    kind = table.number(1, "<B")
    if kind not in (DICTIONARY, BATCH):
        return 0, 0
    batch = table.table(2)
    if kind == DICTIONARY:
        batch = batch.table(1)
    body = memoryview(b"" if message.body is None else message.body)
    size = len(body)
    if batch.has(3):  # its buffers are compressed
        size = 0
        for offset, length in batch.pairs(2):
            declared = struct.unpack_from("<q", body, offset)[0] if length >= 8 else 0
            size += max(declared, length)
    return size, batch.number(0, "<q") if kind == BATCH else 0


@dataclass(frozen=True)
class _Table:
    """A table of a flatbuffer, at a place of its bytes."""

    content: bytes
    place: int

    @classmethod
    def root(cls, content: bytes) -> Self:
        return cls(content, struct.unpack_from("<I", content, 0)[0])

    def has(self, field: int) -> bool:
        return bool(self._place(field))

    def number(self, field: int, form: str) -> int:
        place = self._place(field)
        return struct.unpack_from(form, self.content, place)[0] if place else 0

    def table(self, field: int) -> Self:
        place = self._place(field)
        if not place:
            raise ValueError("a message lacks its batch")
        return type(self)(self.content, place + struct.unpack_from("<I", self.content, place)[0])

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """A vector of structs of two numbers of 64 bits."""
        place = self._place(field)
        if not place:
            return []
        place += struct.unpack_from("<I", self.content, place)[0]
        count = struct.unpack_from("<I", self.content, place)[0]
        return [struct.unpack_from("<qq", self.content, place + 4 + 16 * one) for one in range(count)]

    def _place(self, field: int) -> int:
        """Where the value of a field stands; 0 if it has none."""
        offsets = self.place - struct.unpack_from("<i", self.content, self.place)[0]
        size = struct.unpack_from("<H", self.content, offsets)[0]
        at = 4 + 2 * field
        found = struct.unpack_from("<H", self.content, offsets + at)[0] if at < size else 0
        return self.place + found if found else 0
