"""Timewise: recordings for a model as windows in pieces, and results on these back on the time axis."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor

from isthmus.data.media import Recording
from isthmus.data.media.medium import medium_of
from isthmus.data.options import Options, OptionWords, apart
from isthmus.data.raw import Raw
from isthmus.data.read import as_taken, inherited
from isthmus.data.recordings import Joiner, Recordings, is_recording
from isthmus.data.samples import Samples
from isthmus.data.sources import called, read_rows, reading
from isthmus.data.stream import PIECE, Stream


@dataclass(frozen=True, eq=False)
class Timewise:
    """A source of recordings, as a model takes it.

    recordings: on their time axis. places: (N, 2) the windows (see `Recordings.places`). options, like: how they are
    read, and the description of the model's data. called: the source in messages.
    """

    recordings: Recordings
    places: np.ndarray
    options: Options
    like: Mapping[str, Any]
    called: str

    @property
    def rows(self) -> int:
        """The number of time steps of the source."""
        return self.recordings.rows

    def stream(self, rows: int | None = None) -> Stream:
        """The windows in the order of `places`, a piece at a time."""
        numbers = int(np.prod(self.like["shape"]))
        size = rows or max(1, PIECE // (4 * max(1, numbers)))

        def pieces() -> Iterator[Samples]:
            for start in range(0, len(self.places), size):
                yield self._taken(self.places[start : start + size])

        return Stream(len(self.places), pieces)

    def through(self, use: Callable[[Samples], Tensor]) -> np.ndarray:
        """(rows, channels) float64 of a use of windows that returns (N, channels, length); NaN without a window.

        Each step gets the mean of the windows that contain it.
        """
        joiner, done = self.joiner(int(self.like["shape"][0])), 0
        for piece, made in self.stream().through(use):
            joiner.add(self.places[done : done + len(piece)], made.double().numpy())
            done += len(piece)
        return joiner.rows()

    def joiner(self, channels: int) -> Joiner:
        """Puts results on windows back on the time axis."""
        return Joiner(self.recordings, channels)

    def given(self) -> np.ndarray:
        """(rows, channels) the values of the source, NaN where they are missing."""
        return self.recordings.timeline.back([stretch.values for stretch in self.recordings.timeline.stretches])

    def shaped(self, values: np.ndarray) -> Tensor:
        """(rows, channels) results as the source was given: (rows,) for a single channel without an axis of its own."""
        kind = np.float64 if self.like.get("dtype") == "float64" else np.float32
        made = torch.from_numpy(np.ascontiguousarray(values, kind))
        return made[:, 0] if self.recordings.flat else made

    def table(self, values: np.ndarray, names: tuple[str, ...] = ()) -> Any:
        """An Arrow table of (rows, columns) values after the columns of time stamps and groups.

        names: of the columns; by default, of the channels.
        """
        import pyarrow as pa  # noqa: PLC0415  it takes 40 MB that most uses don't need

        aside, medium = self.recordings.aside, self.recordings.medium
        names = names or medium.channels or tuple(f"x{number}" for number in range(values.shape[1]))
        columns: dict[str, Any] = {}
        if aside is not None and aside.table is not None:
            columns = {name: aside.table[name] for name in aside.table.column_names}
        elif aside is not None and aside.times is not None:
            columns = {aside.time: pa.array(aside.times)}
        for name, own in zip(names, values.T, strict=True):
            columns[name] = pa.array(np.ascontiguousarray(own), from_pandas=True)
        return pa.table(columns)

    def _taken(self, places: np.ndarray) -> Samples:
        recordings = self.recordings
        raw = Raw(
            recordings.values(places),
            recordings.labels_of(places),
            names=recordings.names_of(places),
            kind="series",
            channels_first=True,
            medium=recordings.medium,
            precise=recordings.precise,
        )
        return as_taken(raw, self.options, self.called, self.like)


def open_timewise(
    source: Any, like: Mapping[str, Any], part: str | None = None, **options: Unpack[OptionWords]
) -> Timewise | None:
    """A source for a model of recordings; None if it has windows already, or the model takes other data.

    like: `Data.description` of the model's data.

    Raises:
        DataError: the source can't be read, or doesn't fit the model.
    """
    if not isinstance(medium_of(like), Recording) or isinstance(source, Samples) or part is not None:
        return None
    plain, beside = apart(options)
    chosen = Options.of(inherited(like) | plain)
    where = called(source)
    with reading(source):
        raw = read_rows(source, chosen, None, like, beside)
        if raw.parts or not is_recording(raw, chosen, where, like):
            return None
        found = Recordings.of(raw, chosen, where, like)
    places = found.places(min(found.medium.step, found.medium.length))
    if chosen.missing == "drop":
        whole = [np.isfinite(found.values(each[None])).all() for each in places]
        places = places[np.array(whole, bool)]
    return Timewise(found, places, chosen, like, where)
