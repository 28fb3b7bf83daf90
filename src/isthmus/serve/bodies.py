"""Bodies of requests: JSON, Arrow streams, pictures and NumPy arrays as samples for a model, within the limits."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from pyarrow import ipc
from pydantic_core import from_json

from isthmus.data.arrays import read_member
from isthmus.data.media import Recording, Text
from isthmus.data.media.medium import medium_of
from isthmus.data.options import Options
from isthmus.data.pictures import decode
from isthmus.data.raw import Raw
from isthmus.data.read import inherited, of_patches
from isthmus.errors import DataError, IsthmusError
from isthmus.serve.arrow_limits import check_buffers
from isthmus.serve.limits import Limits
from isthmus.serve.refusal import RefusedError
from isthmus.serve.table_rows import TableRows
from isthmus.trained import TrainedModel
from isthmus.trained.rows import joins

JSON, ARROW, NPY = "application/json", "application/vnd.apache.arrow.stream", "application/x-npy"
PICTURES = {"image/png": ".png", "image/jpeg": ".jpg"}
"""Types of pictures, and the suffix of their files."""
WHOLE = Options(depth=8)
"""How pictures are decoded in their own size."""
LARGE = 2**16
"""Bytes of a body that is read in a thread of its own, so that other requests are answered meanwhile."""


@dataclass(frozen=True, eq=False)
class Given:
    """The samples of one request, as the model will read them.

    type: of the body. rows: how many samples. form: what can be joined with samples of an equal form; None for samples
    that stay alone. cells: columns of JSON rows. values: anything else that `Run.read` takes.
    """

    type: str
    rows: int
    form: Any = None
    cells: list[list[Any]] = field(default_factory=list)
    values: Any = None


@dataclass(frozen=True, eq=False)
class Bodies:
    """Reads bodies for a run.

    columns: of a model of tables, or None. kind: of the model's samples. texts: whether they are texts. alone: whether
    the samples of a request depend on each other or become several, such as time steps and tiles. joins: whether rows
    of several requests can be read together. decoding: how pictures are read.
    """

    run: TrainedModel
    limits: Limits
    columns: TableRows | None
    kind: str
    texts: bool
    alone: bool
    joins: bool
    decoding: Options

    @classmethod
    def of(cls, run: TrainedModel, limits: Limits) -> Self:
        """Those of a run."""
        said, medium = run.description, medium_of(run.description)
        recorded, texts = isinstance(medium, Recording), isinstance(medium, Text)
        columns = None if recorded else TableRows.of(run)
        alone = recorded or texts or of_patches(said)
        return cls(
            run, limits, columns, said.get("kind", "table"), texts, alone, joins(run), Options.of(inherited(said))
        )

    @property
    def key(self) -> str:
        """The name of the samples in JSON: rows of a table, or samples."""
        return "rows" if self.columns is not None else "samples"

    @property
    def types(self) -> tuple[str, ...]:
        """The types of bodies that suit the model."""
        tables = self.kind == "table" or isinstance(medium_of(self.run.description), Recording)
        return (JSON, *([ARROW] if tables else []), *([] if self.texts else [NPY]), *self._pictures)

    @property
    def _pictures(self) -> tuple[str, ...]:
        plain = self.kind == "pictures" and medium_of(self.run.description) is None
        return tuple(PICTURES) if plain else ()

    def read(self, content: bytes, type: str, *, whole: bool = False) -> Given:
        """The samples of a body. whole: whether pictures keep their size, whatever that of the model's is.

        Raises:
            RefusedError: its type is unknown (415), it can't be parsed (400), or has too many samples (422).
            DataError: its samples don't fit the model.
        """
        if type not in self.types:
            raise RefusedError(
                415, f"A body of the type {type!r:.60} can't be read: expected {' or '.join(self.types)}."
            )
        if not content:
            raise RefusedError(400, "The body is empty: expected samples.")
        given = self._parse(content, type, whole)
        if not given.rows:
            raise DataError("There are no samples in the body: expected at least one.")
        if given.rows > self.limits.max_rows:
            raise RefusedError(
                422,
                f"The body has {given.rows:,} samples: expected at most {self.limits.max_rows:,}. Send them in several "
                "requests.",
            )
        return given

    def joined(self, several: Sequence[Given]) -> Any:
        """The samples of several requests of one form, as one source for `Run.read`."""
        first = several[0]
        if first.cells:
            assert self.columns is not None
            cells = [[cell for one in several for cell in one.cells[place]] for place in range(len(first.cells))]
            return self.columns.table(cells)
        if len(several) == 1:
            return self._source(first.values)
        return self._source(np.concatenate([one.values for one in several]))

    def _source(self, values: Any) -> Any:
        """Arrays of the model's kind, whose axes are in order; anything else is read as it is."""
        if not isinstance(values, np.ndarray) or isinstance(medium_of(self.run.description), Recording):
            return values
        kind: Any = self.kind
        return Raw(values, kind=kind, channels_first=True, medium=medium_of(self.run.description))

    def _parse(self, content: bytes, type: str, whole: bool) -> Given:
        if type == JSON:
            return self._json(content)
        if type == ARROW:
            return self._arrow(content)
        if type == NPY:
            with _parsed("a NumPy array"):
                return self._array(read_member(io.BytesIO(content), "The body", self.limits.max_bytes), type)
        with _parsed("a picture"):
            values, _ = decode(io.BytesIO(content), f"body{PICTURES[type]}", WHOLE if whole else self.decoding)
        return self._array(values[None], type)

    def _json(self, content: bytes) -> Given:
        try:
            found = from_json(content, allow_inf_nan=False)
        except ValueError as error:
            raise RefusedError(400, f"The body is not JSON: {' '.join(str(error).split())[:120]}.") from None
        if not isinstance(found, dict) or set(found) != {self.key} or not isinstance(found[self.key], list):
            raise DataError(f'Expected a JSON object {{"{self.key}": […]}} with a list of {self.key}.')
        samples = found[self.key]
        if len(samples) > self.limits.max_rows:
            return Given(JSON, len(samples))  # it is refused
        if self.columns is not None:
            return Given(JSON, len(samples), "rows" if self.joins else None, self.columns.cells(samples))
        if self.texts:
            if wrong := [place for place, text in enumerate(samples) if not isinstance(text, str)]:
                raise DataError(f"Sample {wrong[0]} is no text: expected strings.")
            return Given(JSON, len(samples), values=samples)
        return self._array(_numbers(samples), JSON) if samples else Given(JSON, 0)

    def _array(self, values: np.ndarray, type: str) -> Given:
        """(N, …) values, with the axis of samples and of a single channel added where they are left out."""
        shape = tuple(self.run.model.shape)
        if values.dtype.kind not in "biuf":
            raise DataError(f"The values are of type {values.dtype}: expected numbers.")
        if values.shape == shape:
            values = values[None]
        if values.shape[1:] == shape[1:] and shape[0] == 1 and len(shape) > 1:
            values = values[:, None]
        form = None if self.alone or values.shape[1:] != shape else ("array", values.dtype.str)
        return Given(type, len(values) if values.ndim else 0, form, values=values)

    def _arrow(self, content: bytes) -> Given:
        with _parsed("an Arrow stream"):
            check_buffers(content, self.limits)
            with ipc.open_stream(content) as stream:
                table = stream.read_all()
            table.validate(full=True)
        if table.num_rows and self.columns is not None:
            self.columns.check(table)
        return Given(ARROW, table.num_rows, values=table)


@contextlib.contextmanager
def _parsed(called: str) -> Iterator[None]:
    """Within the block, whatever a parser raises is a body that is damaged; too large ones keep their message."""
    try:
        yield
    except RefusedError:
        raise
    except IsthmusError as error:
        raise RefusedError(400, str(error)) from error
    except Exception as error:  # parsers of foreign bytes raise whatever they please
        said = " ".join(str(error).split())[:120]
        raise RefusedError(400, f"The body is not {called}, or is damaged: {said}.") from error


def _numbers(samples: list[Any]) -> np.ndarray:
    """Nested lists of numbers as a float64 array, with NaN for null."""
    try:
        return np.array(samples, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        said = " ".join(str(error).split())[:100]
        raise DataError(
            f"The samples are no array of numbers ({said}): expected nested lists of equal lengths."
        ) from None
