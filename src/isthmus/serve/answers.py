"""Answers: results as JSON, an Arrow stream, a NumPy array or a picture, by what the client accepts."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, ipc
from pydantic_core import to_json

from isthmus.data.write_pictures import as_pixels, picture_file
from isthmus.serve.bodies import ARROW, JSON, NPY, PICTURES
from isthmus.serve.refusal import RefusedError

pc: Any = compute  # which makes its functions when it is imported


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a request, in the forms that it has.

    name: of the samples in JSON. facts: JSON data besides the samples. make_table: makes an Arrow table of N rows, when
    it is needed. values: (N, …) numbers, or a list of texts. make_rows: makes the samples in JSON, if they are rows of
    the table instead of the values. pixels: one picture, (C, H, W) uint8. remarks: about the request.
    """

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    make_table: Callable[[], pa.Table] | None = None
    values: Any = ()
    pixels: np.ndarray | None = None
    remarks: tuple[str, ...] = ()
    make_rows: Callable[[], list[dict[str, Any]]] | None = None

    @property
    def types(self) -> tuple[str, ...]:
        """The types that it can be given as."""
        made = [JSON]
        made += [ARROW] if self.make_table is not None else []
        made += [NPY] if isinstance(self.values, np.ndarray) else []
        made += list(PICTURES) if self.pixels is not None else []
        return tuple(made)

    @property
    def size(self) -> int:
        """How many numbers or texts it has, about."""
        return self.values.size if isinstance(self.values, np.ndarray) else len(self.values)

    def written(self, type: str) -> bytes:
        """The content of an answer of one of its `types`."""
        if type == JSON:
            return self._json()
        if type == ARROW:
            assert self.make_table is not None
            table, memory = self.make_table(), io.BytesIO()
            with ipc.new_stream(memory, table.schema) as stream:
                stream.write_table(table)
            return memory.getvalue()
        if type == NPY:
            memory = io.BytesIO()
            np.lib.format.write_array(memory, np.ascontiguousarray(self.values), allow_pickle=False)
            return memory.getvalue()
        assert self.pixels is not None
        return picture_file(self.pixels, PICTURES[type])

    def _json(self) -> bytes:
        made = dict(self.facts)
        if self.make_rows is not None:
            made[self.name] = self.make_rows()
        else:
            made[self.name] = self.values.tolist() if isinstance(self.values, np.ndarray) else self.values
        if self.remarks:
            made["remarks"] = list(self.remarks)
        return to_json(made, inf_nan_mode="null")


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table as JSON data."""
    return _dated(table).to_pylist()


def _dated(table: pa.Table) -> pa.Table:
    """The table with dates as text of ISO 8601: Python has none before the year 1 and after 9999."""
    for place, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type):
            zone = "%z" if column.type.tz else ""
            text = pc.strftime(table.column(place), f"%Y-%m-%dT%H:%M:%S{zone}")
            table = table.set_column(place, column.name, text)
        elif pa.types.is_date(column.type):
            table = table.set_column(place, column.name, table.column(place).cast(pa.string()))
    return table


def pixels_of(values: np.ndarray, like: Mapping[str, Any]) -> np.ndarray | None:
    """One picture, (1, C, H, W) in raw units, as (C, H, W) uint8; None for anything else."""
    if values.ndim != 4 or len(values) != 1 or values.shape[1] not in (1, 3, 4) or not np.isfinite(values).all():
        return None
    made = as_pixels(values, like, "the answer", ".jpg")[0]
    return made if made.dtype == np.uint8 else None


def accepted(header: str, offered: tuple[str, ...], own: str) -> str:
    """The type of the answer that a client wants, of those that are offered.

    header: its `Accept`. own: the type of its body, which it gets if it has no preference and this one is offered.

    Raises:
        RefusedError: none of them (406).
    """
    if not header or header == "*/*":
        return own if own in offered else JSON
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header.split(",")):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            weight = 0.0
        if weight > 0:
            wanted.append((-weight, place, name))
    for _, _, name in sorted(wanted):
        if name in offered:
            return name
        if name == "*/*":
            return own if own in offered else JSON
        if name.endswith("/*") and (found := [one for one in offered if one.startswith(name[:-1])]):
            return own if own in found else found[0]
    raise RefusedError(406, f"The answer can't be {header!r:.80}: it is offered as {', '.join(offered)}.")
