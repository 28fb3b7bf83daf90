"""Recordings: long series as windows of equal length, and results on windows back on the time axis."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from isthmus.data import series
from isthmus.data.aside import Aside, stacked
from isthmus.data.durations import duration_words, seconds_of
from isthmus.data.labels import label_array
from isthmus.data.media import Recording
from isthmus.data.media.medium import medium_of
from isthmus.data.options import Options
from isthmus.data.overlaps import shift_of
from isthmus.data.period import period_of
from isthmus.data.raw import Raw
from isthmus.data.timeline import Timeline, timed, untimed, untimed_rows
from isthmus.errors import DataError, remark

FEW = 10
"""With fewer recordings, each is divided by time; otherwise whole recordings go to one part."""
APART = 3
"""Standard deviations of a column between the means of columns that are channels of different units."""
FEWEST_STEPS = 8
"""The rows of a narrower array are too short for series, so that they are the time steps of one recording."""
LONG, SEVERAL = 2000, 50
"""Fewer than `SEVERAL` series, the longest with this many steps or more, are recordings to cut."""
SMALLEST, USUAL, PIECES = 16, 100, 50
"""Without a period, a window has `USUAL` steps, or fewer: 1/`PIECES` of all steps, but `SMALLEST` or more."""
LEAST = 32
"""A window has at least so many steps, if that many periods are long enough."""
OVERLAP = 4
"""Windows that contain each step, by default."""


def cut(raw: Raw, options: Options, called: str, like: Mapping[str, Any] | None = None) -> Raw:
    """The windows of a source of recordings; other sources unchanged.

    Raises:
        DataError: no recording is as long as a window, or the windows need too much memory.
    """
    if not is_recording(raw, options, called, like):
        return _with_groups(raw, options)
    found = Recordings.of(raw, options, called, like)
    parts = {
        name: Recordings.of(part, options, called, {"medium": found.medium.to_json()}).windows(whole=False)
        for name, part in raw.parts.items()
    }
    return replace(found.windows(whole=like is not None), parts=parts, origin=raw.origin)


def is_recording(raw: Raw, options: Options, called: str, like: Mapping[str, Any] | None = None) -> bool:
    """Whether the rows of a source are the time steps of recordings, which are cut into windows."""
    shape, medium = tuple(raw.values.shape), medium_of(like)
    plain = raw.medium is None and not raw.texts and raw.kind not in ("pictures", "tokens")
    if not plain or len(shape) not in (1, 2, 3) or options.kind not in (None, "series"):
        return False
    if medium is not None:
        return isinstance(medium, Recording) and not _are_windows(raw, tuple((like or {})["shape"]))
    if _has_times(raw) or any(getattr(options, name) is not None for name in ("window", "step", "time")):
        return True
    if options.kind is None or like is not None:  # a model of whole series
        return False
    if len(shape) == 2:
        return _are_steps(raw, called)
    return len(shape) == 1 or _are_long(raw)


def expects_recordings(options: Options, like: Mapping[str, Any] | None) -> bool:
    """Whether tables are read as recordings, by the options or because the samples are for a model of such."""
    medium = medium_of(like)
    if options.kind not in (None, "series") or medium is not None:
        return options.kind in (None, "series") and isinstance(medium, Recording)
    asked = any(getattr(options, name) is not None for name in ("window", "step", "time"))
    return asked or (options.kind == "series" and like is None)


def together(raws: Mapping[str, Raw], where: str) -> Raw:
    """The rows of several files, each a recording of its name or several.

    Raises:
        DataError: they have different columns.
    """
    first = next(iter(raws.values()))
    for name, raw in raws.items():
        if raw.values.ndim > 2 or raw.columns != first.columns or raw.values.shape[1:] != first.values.shape[1:]:
            raise DataError(
                f"{where}: {name} has other columns than {next(iter(raws))}: expected the same channels in all files. "
                "Choose them with columns=."
            )
    names: list[str] = []
    groups: list[np.ndarray] = []
    for name, raw in raws.items():
        own = raw.aside if raw.aside is not None else Aside()
        inner = own.group_names if own.groups is not None else ("",)
        groups.append(len(names) + (np.zeros(len(raw.values), np.int64) if own.groups is None else own.groups))
        names += [f"{name}/{group}" if group else name for group in inner]
    asides = [raw.aside or Aside() for raw in raws.values()]
    if len({_clock(aside) for aside in asides}) > 1:
        raise DataError(f"{where}: some files have dates as time stamps, others don't. Name the column with time=.")
    counts = [len(raw.values) for raw in raws.values()]
    files = np.repeat(np.array(list(raws)), counts)
    aside = replace(
        asides[0],
        times=None if asides[0].times is None else np.concatenate([each.times for each in asides]),  # pyright: ignore
        groups=np.concatenate(groups),
        group=asides[0].group or "file",
        group_names=tuple(names),
        table=stacked([each.table for each in asides], files),
    )
    labels = None
    if all(raw.labels is not None for raw in raws.values()):
        labels = np.concatenate([label_array(raw.labels) for raw in raws.values()])
    values = np.concatenate([np.asarray(raw.values) for raw in raws.values()])
    precise = any(raw.precise for raw in raws.values())
    return replace(first, values=values, labels=labels, aside=aside, precise=precise)


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings on their time axis.

    medium: how they are cut. timeline: their rows on a grid of equal steps. names: of the recordings.
    grouped: whether whole recordings go to one part of the data, because their groups were named. labels: (rows,) of
    any type; or None. aside: the time stamps and groups of the rows. flat: whether one row is a single number.
    max_bytes: of the windows. precise: as in `Raw`.
    """

    medium: Recording
    timeline: Timeline
    names: tuple[str, ...]
    grouped: bool = False
    labels: Any = None
    aside: Aside | None = None
    flat: bool = False
    max_bytes: int = 2**62
    precise: bool = False

    @classmethod
    def of(cls, raw: Raw, options: Options, called: str, like: Mapping[str, Any] | None = None) -> "Recordings":
        """The recordings of a source that `is_recording`.

        Raises:
            DataError: the time stamps don't fit, or no recording is as long as a window.
        """
        known = medium_of(like)
        assert known is None or isinstance(known, Recording)
        values = raw.values.numpy() if isinstance(raw.values, Tensor) else raw.values
        if values.dtype.kind not in "biuf":
            raise DataError(
                f"Values of type {values.dtype} are not numbers: expected integers or floats. Convert them."
            )
        aside, flat = raw.aside or Aside(), values.ndim == 1
        holes = options.missing in ("keep", "fill")
        spacing = known.spacing if known is not None and known.clock == _clock(aside) != "steps" else None
        if values.ndim == 3:
            timeline, names = untimed(_each(values, raw, options, like)), raw.names
            aside = Aside()
        else:
            values = values[:, None] if flat else values
            names = aside.group_names
            if aside.times is not None:
                timeline = timed(values, aside.times, aside.groups, called, spacing=spacing, holes=holes)
            else:
                timeline = untimed_rows(values, aside.groups)
        medium = known or _medium(timeline, raw, aside, options, called)
        found = cls(
            replace_step(medium, options, known is not None, called),
            timeline,
            names or _names(raw, 1 + max(stretch.recording for stretch in timeline.stretches)),
            aside.groups is not None,
            raw.labels,
            aside,
            flat,
            options.max_bytes,
            raw.precise,
        )
        found._check(called, of_model=known is not None)
        return found

    @property
    def count(self) -> int:
        """The number of recordings."""
        return 1 + max(each.recording for each in self.timeline.stretches)

    @property
    def rows(self) -> int:
        """The number of rows of the source."""
        return len(self.timeline.place)

    def places(self, step: int | None = None, *, whole: bool = True) -> np.ndarray:
        """(N, 2) int64 the windows: the number of the stretch, and that of the first step in it.

        step: steps from one to the next; None takes the medium's. whole: whether a stretch also gets a last window that
            ends with it, so that no step is left out.
        """
        length, step = self.medium.length, step or self.medium.step
        found = []
        for number, stretch in enumerate(self.timeline.stretches):
            last = len(stretch.values) - length
            starts = np.arange(0, last + 1, step) if last >= 0 else np.empty(0, np.int64)
            if whole and last >= 0 and last % step:
                starts = np.append(starts, last)
            found.append(np.stack((np.full(len(starts), number), starts), 1))
        return np.concatenate(found)

    def values(self, places: np.ndarray) -> np.ndarray:
        """(N, channels, length) the windows at these places (see `places`)."""
        pieces = [_sliding(self.timeline.stretches[s].values, self.medium.length)[own] for s, own in _runs(places)]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def windows(self, step: int | None = None, *, whole: bool = True) -> Raw:
        """The windows as a reader's output: named after their recording and time; see `places`."""
        places = self.places(step, whole=whole)
        step = step or self.medium.step
        stretches, length = self.timeline.stretches, self.medium.length
        first = np.array([stretch.first for stretch in stretches])[places[:, 0]] + places[:, 1]
        groups = np.array([stretch.recording for stretch in stretches])[places[:, 0]]
        values = stretches[0].values
        if len(stretches) == 1 and not (whole and (len(values) - length) % step):
            made = _sliding(values, length)[::step]  # a view: of a file that is mapped, only what is used is read
        else:
            self._check_size(len(places), values)
            made = self.values(places)
        return Raw(
            made,
            self.labels_of(places),
            names=self.names_of(places),
            kind="series",
            channels_first=True,
            groups=groups,
            spans=np.stack((first, first + length), 1),
            by_group=self.count >= (3 if self.grouped else FEW),
            precise=self.precise,
            medium=self.medium,
        )

    def time(self, stretch: int, step: int) -> str:
        """The words for a step of a stretch: its date, time or number."""
        own = self.timeline.stretches[stretch]
        time = 0.0 if own.times is None else float(own.times[step])
        return self.medium.place(time, own.first + step, timed=own.times is not None)

    def names_of(self, places: np.ndarray) -> tuple[str, ...]:
        """The name of each window: its recording, if there are several, and the time of its first step."""
        return tuple(self.named(stretch, start) for stretch, start in places.tolist())

    def named(self, stretch: int, step: int) -> str:
        """The words for a step of a stretch, after the name of its recording: "sensors.csv@2024-03-01 10:00"."""
        return f"{self.names[self.timeline.stretches[stretch].recording]}@{self.time(stretch, step)}"

    def labels_of(self, places: np.ndarray) -> Any:
        """The label of each window: of its recording, or the most frequent one of its rows."""
        if self.labels is None:
            return None
        given = label_array(self.labels)
        if len(given) == self.count != self.rows:
            return given[[self.timeline.stretches[stretch].recording for stretch in places[:, 0]]]
        if len(given) != self.rows:
            raise DataError(f"{len(given)} labels for {self.rows} rows: give one for each row, or for each recording.")
        text = given if given.dtype.kind != "O" else np.array(list(map(str, given)))
        first, codes = np.unique(text, return_index=True, return_inverse=True)[1:]
        grids = [np.full(len(each.values), -1) for each in self.timeline.stretches]
        for row, (stretch, place) in enumerate(zip(self.timeline.stretch, self.timeline.place, strict=True)):
            if stretch >= 0:
                grids[stretch][int(place)] = codes.reshape(-1)[row]
        windows = (grids[stretch][start : start + self.medium.length] for stretch, start in places)
        return given[first[[np.bincount(own[own >= 0]).argmax() for own in windows]]]

    def _check(self, called: str, *, of_model: bool) -> None:
        longest = max(len(stretch.values) for stretch in self.timeline.stretches)
        if longest < self.medium.length:
            wanted = self.medium.length_words(self.medium.length)
            raise DataError(
                f"{called}: its longest stretch without a gap has {self.medium.length_words(longest)}, but "
                + (
                    f"the model takes windows of {wanted}. Give a longer recording."
                    if of_model
                    else f"a window has {wanted}. Set a shorter window=."
                )
            )
        short = sum(len(s.values) for s in self.timeline.stretches if len(s.values) < self.medium.length)
        if short:
            total = sum(len(stretch.values) for stretch in self.timeline.stretches)
            remark(
                f"{called}: {short:,} of {total:,} steps lie in stretches between gaps that are shorter than a window "
                "of "
                f"{self.medium.length_words(self.medium.length)}, and are left out."
            )

    def _check_size(self, count: int, values: np.ndarray) -> None:
        needed = count * values.shape[1] * self.medium.length * values.dtype.itemsize
        if needed > self.max_bytes:
            raise DataError(
                f"The {count:,} windows need {needed:,} bytes of memory: expected at most "
                f"max_bytes={self.max_bytes:,}. "
                "Set a longer step= or a larger max_bytes=."
            )


class Joiner:
    """Puts results on windows back on the time axis: each step gets the mean of the windows that contain it.

    recordings: the recordings. channels: numbers of a result for each step.
    """

    def __init__(self, recordings: Recordings, channels: int) -> None:
        self.recordings = recordings
        lengths = [len(stretch.values) for stretch in recordings.timeline.stretches]
        self.sums = [np.zeros((length, channels)) for length in lengths]
        self.counts = [np.zeros((length, channels)) for length in lengths]

    def add(self, places: np.ndarray, values: np.ndarray) -> None:
        """Add the results (N, channels, length) on the windows at these places; NaN counts as no result."""
        known = ~np.isnan(values)
        filled = np.where(known, values, 0.0)
        for (stretch, start), own, there in zip(places.tolist(), filled, known, strict=True):
            part = slice(start, start + own.shape[-1])
            self.sums[stretch][part] += own.T
            self.counts[stretch][part] += there.T

    def steps(self) -> list[np.ndarray]:
        """(steps, channels) float64 of each stretch, NaN where no window has a result."""
        return [
            np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
            for total, count in zip(self.sums, self.counts, strict=True)
        ]

    def rows(self) -> np.ndarray:
        """(rows, channels) float64 for the rows of the source, in their order."""
        return self.recordings.timeline.back(self.steps())


def replace_step(medium: Recording, options: Options, of_model: bool, called: str) -> Recording:
    """The medium of a model with another step, if the options ask for it."""
    if not of_model or options.step is None:
        return medium
    return medium.model_copy(update={"step": _steps("step", options.step, medium.spacing, medium.clock, called)})


def _medium(timeline: Timeline, raw: Raw, aside: Aside, options: Options, called: str) -> Recording:
    """How the recordings are cut: by the options, or by the period of their values."""
    clock, spacing = _clock(aside), timeline.spacing or 1.0
    reason = ""
    if options.window is not None:
        length = _steps("window", options.window, spacing, clock, called)
    else:
        length, reason = _usual_window(timeline)
    step = _usual_step(length)
    if options.step is not None:
        step = _steps("step", options.step, spacing, clock, called)
    medium = Recording(
        length=length,
        step=step,
        channels=raw.columns,
        clock=clock,
        spacing=spacing,
        time=aside.time,
        group=aside.group,
        zone=aside.zone,
    )
    if reason:
        count = 1 + max(each.recording for each in timeline.stretches)
        steps = sum(len(each.values) for each in timeline.stretches)
        channels = timeline.stretches[0].values.shape[1]
        remark(
            f"{called} is read as {count} recording{'s' * (count > 1)} of {steps:,} steps"
            + (" in all" if count > 1 else "")
            + (f", {_span(spacing, clock)} each," if clock != "steps" else "")
            + f" and {channels} channel{'s' * (channels > 1)}, cut into windows of {medium.length_words(length)}, "
            f"{reason}; a "
            f"new one begins after {medium.length_words(step)}. Set window= and step= to cut in another way."
            + " If each row is a series, give an array (N, 1, T)."
            * (clock == "steps" and raw.values.ndim == 2)
        )
    return medium


def _names(raw: Raw, count: int) -> tuple[str, ...]:
    """Names of recordings that have none: of their file, or numbers."""
    name = Path(raw.origin).name if raw.origin else "recording"
    return (name,) if count == 1 else tuple(f"{name} {number}" for number in range(count))


def _usual_window(timeline: Timeline) -> tuple[int, str]:
    """The number of steps of a window, and the reason for it."""
    longest = max((stretch.values for stretch in timeline.stretches), key=len)
    total = sum(len(stretch.values) for stretch in timeline.stretches)
    if (period := period_of(longest)) is not None:
        periods = math.ceil(LEAST / period)
        return (
            periods * period,
            f"{periods if periods > 1 else 'the'} period{'s' * (periods > 1)} of its values",
        )
    length = min(USUAL, max(SMALLEST, total // PIECES), len(longest))
    return length, "because its values have no clear period"


def _usual_step(length: int) -> int:
    """About a quarter of a window, without a common divisor: windows then begin at each phase of a period.

    With a quarter of a day, for example, all windows of hourly rows would begin at four hours, and a model would know
    no window of new rows that begin at another hour.
    """
    return next(step for step in range(max(1, length // OVERLAP), 0, -1) if math.gcd(step, length) == 1)


def _steps(name: str, value: float | str, spacing: float, clock: str, called: str) -> int:
    """The option `name` in time steps."""
    if isinstance(value, str):
        if clock != "dates":
            raise DataError(
                f"{name}={value!r} is a duration, but {called} has no dates and times: expected a number of time "
                "steps. "
                "Name the column of its time stamps with time=."
            )
        value = (seconds_of(value) or 0.0) / spacing
        if value < 0.5:
            raise DataError(
                f"{name}= is shorter than the time steps of {called}, {duration_words(spacing)} each: expected a "
                "longer "
                "duration."
            )
    steps = max(1, round(value))
    if name == "window" and steps < 2:
        raise DataError(f"window={value:g} is a single time step of {called}: expected 2 or more.")
    return steps


def _span(spacing: float, clock: str) -> str:
    return duration_words(spacing) if clock == "dates" else f"{spacing:g}"


def _clock(aside: Aside) -> Literal["dates", "numbers", "steps"]:
    if aside.times is None:
        return "steps"
    return "dates" if aside.times.dtype.kind == "M" else "numbers"


def _are_windows(raw: Raw, shape: tuple[int, ...]) -> bool:
    """Whether values are windows of this shape (channels, length) already, for a model of such."""
    values, bare = raw.values, raw.aside is None and not raw.columns
    flat = values.ndim == 2 and bare and shape[0] == 1 and values.shape[1] == shape[1]
    return flat or tuple(values.shape[1:]) == shape


def _has_times(raw: Raw) -> bool:
    return raw.aside is not None and raw.aside.times is not None


def _are_steps(raw: Raw, called: str) -> bool:
    """Whether the rows of an array of two axes, read as series, are the steps of one recording; by its shape."""
    rows, columns = raw.values.shape
    named = bool(raw.columns) and not _numbered(raw.columns)
    if columns < FEWEST_STEPS or ((named or _differ(raw.values)) and rows > columns):
        return rows > columns
    if series.follow(raw.values) and shift_of(raw.values) is None:  # on windows that overlap there is another remark
        remark(
            f"{called} is read as {rows:,} series of {columns} steps. Consecutive rows are alike, as in one recording "
            "of "
            f"{columns} channels: if it is one, set window=, for example window=100."
        )
    return False


def _numbered(columns: tuple[str, ...]) -> bool:
    """Whether the columns' names are numbers, or one word with different numbers, as those of time steps are."""
    return len({name.rstrip("0123456789.") for name in columns}) == 1


def _differ(values: np.ndarray | Tensor) -> bool:
    """Whether columns lie so far from each other, without order, that they are channels of different units.

    Of series, neighbouring steps are alike.
    """
    some = np.asarray(values[: series.LOOKED_AT], np.float64)
    means, deviations = some.mean(0), some.std(0)
    if not np.isfinite(means).all() or means.var() == 0:
        return False
    apart = means.std() > APART * np.median(deviations)
    return bool(apart and np.square(np.diff(means)).mean() > 2 * series.ALIKE * means.var())


def _are_long(raw: Raw) -> bool:
    """Whether series (N, …) are a few long recordings."""
    return len(raw.values) < SEVERAL and max(raw.values.shape[1:]) >= LONG


def _each(values: np.ndarray, raw: Raw, options: Options, like: Mapping[str, Any] | None) -> list[np.ndarray]:
    """(N, …) recordings as a list of (steps, channels), each without the NaN after its end."""
    shape = tuple((like or {}).get("shape") or ())
    if not raw.channels_first:
        last = shape and values.shape[2] == shape[0] != values.shape[1]
        values = np.asarray(series.channels_first(values, "last" if last else options.channels))
    each = []
    for one in values:
        ended = 0
        if one.dtype.kind == "f" and np.isnan(one[:, -1]).all():
            ended = int(series.ended(torch.from_numpy(one[None].astype(np.float32)))[0, 0].sum())
        each.append(one[:, : one.shape[1] - ended].T)
    return each


def _with_groups(raw: Raw, options: Options) -> Raw:
    """A table whose rows are divided by their groups, or by their time."""
    aside = raw.aside
    if aside is None:
        return raw
    count = len(raw.values)
    if aside.groups is not None:
        return replace(raw, groups=aside.groups)
    if aside.times is None or options.time is None:
        return raw
    rank = np.unique(aside.times, return_inverse=True)[1].reshape(-1)
    return replace(raw, groups=np.zeros(count, np.int64), spans=np.stack((rank, rank + 1), 1))


def _sliding(values: np.ndarray, length: int) -> np.ndarray:
    """(steps, channels) to a view of all windows, (steps − length + 1, channels, length)."""
    if len(values) < length:
        return np.empty((0, values.shape[1], length), values.dtype)
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=0)


def _runs(places: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The stretches of consecutive places, and the starts of the windows in each."""
    bounds = np.flatnonzero(np.diff(places[:, 0])) + 1
    for own in np.split(places, bounds):
        yield int(own[0, 0]), own[:, 1]
