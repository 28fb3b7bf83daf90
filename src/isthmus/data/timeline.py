"""Timeline: the rows of a recording on a grid of equal steps, in stretches without gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from isthmus.data.durations import duration_words
from isthmus.errors import DataError, remark

BRIDGED = 3
"""Rows at most this many steps apart follow each other; the steps between them are interpolated, or missing."""
BRIDGED_IRREGULAR = 10
"""The same for rows that keep no step, which lie at random distances."""
JITTER = 0.25
"""The deviation from whole steps, in steps, that time stamps of regular recordings may have."""
REGULAR = 0.95
"""The share of the differences of a regular recording that are whole steps."""
FREQUENT = 0.3
"""The share of all differences of time stamps from which on the most frequent one is the step."""
WEEK = 5
"""Working days of a week, of which daily rows must have two."""
MOST_REPEATED = 0.1
"""The largest share of repeated time stamps of one recording; more means several recordings."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive steps of a recording, without a gap.

    recording: its number. first: the number of its first step in the recording, in which gaps count. values: (steps,
    channels). times: (steps,) seconds since 1970, or numbers; None without time stamps.
    """

    recording: int
    first: int
    values: np.ndarray
    times: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Timeline:
    """Rows on a grid of equal steps.

    stretches: without gaps, in the order of recordings and time. spacing: the time of a step in seconds, or in the unit
    of numbers; None without time stamps. stretch: (rows,) the number of each row's stretch, −1 for a row without a
    time. place: (rows,) float64, the place of the row in its stretch; between two steps if the recording was resampled.
    """

    stretches: tuple[Stretch, ...]
    spacing: float | None
    stretch: np.ndarray
    place: np.ndarray

    def back(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """(steps, …) floats of every stretch to (rows, …): interpolated between steps, NaN where there are none."""
        lengths = np.array([len(own) for own in values])
        joined, start = np.concatenate(values), np.cumsum(lengths) - lengths
        rows = np.flatnonzero(self.stretch >= 0)
        own = self.stretch[rows]
        low = np.floor(self.place[rows]).astype(np.int64)
        share = (self.place[rows] - low).reshape(-1, *[1] * (joined.ndim - 1))
        before, after = joined[start[own] + low], joined[start[own] + np.minimum(low + 1, lengths[own] - 1)]
        made = np.full((len(self.place), *joined.shape[1:]), np.nan, joined.dtype)
        made[rows] = np.where(share == 0, before, before * (1 - share) + after * share)
        return made


def untimed(recordings: Sequence[np.ndarray]) -> Timeline:
    """The rows of recordings (steps, channels) without time stamps: each row is a step. Values are not copied."""
    lengths = [len(values) for values in recordings]
    return Timeline(
        tuple(Stretch(number, 0, values) for number, values in enumerate(recordings)),
        None,
        np.repeat(np.arange(len(lengths)), lengths),
        np.concatenate([np.arange(length, dtype=np.float64) for length in lengths]),
    )


def untimed_rows(values: np.ndarray, groups: np.ndarray | None = None) -> Timeline:
    """The (rows, channels) of recordings without time stamps, each in the order of its rows.

    groups: (rows,) the recording of each row, from 0; None for one.
    """
    if groups is None:
        return untimed([values])
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    place = np.empty(len(values))
    place[order] = np.arange(len(values)) - starts[groups[order]]
    each = np.split(order, starts[1:])
    stretches = tuple(Stretch(number, 0, values[rows]) for number, rows in enumerate(each))
    return Timeline(stretches, None, groups, place)


def timed(
    values: np.ndarray,
    times: np.ndarray,
    groups: np.ndarray | None,
    called: str,
    *,
    spacing: float | None = None,
    holes: bool = False,
) -> Timeline:
    """The (rows, channels) of one or more recordings by their time stamps, in any order.

    Rows with one time stamp become their mean. Time stamps that are whole steps apart, apart from jitter, keep their
    rows; others are resampled by linear interpolation. Longer gaps end a stretch.

    times: (rows,) datetime64[ns] or numbers. groups: (rows,) the recording of each row, from 0; None for one.
    spacing: of a model's data; None takes the median difference. holes: whether steps without a row are NaN instead of
        interpolated.

    Raises:
        DataError: there are fewer than two different times, or many rows share one.
    """
    known, clock, zero = _clock(times)
    shown, working = clock, _working_days(times, known)
    if working is not None:
        clock, spacing = working, None
    if not known.all():
        remark(f"{called}: {np.sum(~known)} of {len(known)} rows have no time stamp and are left out.")
    group = np.zeros(len(values), np.int64) if groups is None else groups
    order = np.argsort(group, kind="stable")
    each_group = np.split(order, np.searchsorted(group[order], np.arange(1, group.max() + 1)))
    ordered = [_Ordered.of(rows[known[rows]], clock) for rows in each_group]
    _check(ordered, called, grouped=groups is not None)
    differences = np.concatenate([np.diff(each.times) for each in ordered])
    if not len(differences):
        raise DataError(f"{called} has one time stamp for each recording: expected several. Check time= and groups=.")
    usual = _usual(differences)
    step = usual if spacing is None else spacing
    stretch, place = np.full(len(values), -1), np.zeros(len(values))
    made: list[Stretch] = []
    notes = _Notes()
    for number, each in enumerate(ordered):
        if not len(each.times):
            continue
        own, places, numbers = each.means(values), np.zeros(len(each.times)), np.zeros(len(each.times), np.int64)
        for low, high, steps in _stretches(each.times, step, usual, notes):
            places[low:high], numbers[low:high] = steps, len(made)
            first = round((each.times[low] - each.times[0]) / step)
            values_of = _on_grid(own[low:high], steps, holes=holes)
            times_of = zero + np.interp(np.arange(len(values_of)), steps, shown[each.firsts[low:high]])
            made.append(Stretch(number, first, values_of, times_of))
        place[each.rows], stretch[each.rows] = places[each.inverse], numbers[each.inverse]
    notes.tell(called, step if working is None else 86400.0, usual, times.dtype.kind == "M", holes)
    return Timeline(tuple(made), step if working is None else 86400.0, stretch, place)


@dataclass(frozen=True)
class _Ordered:
    """The rows of one recording by time.

    times: (n,) different ones, ascending. firsts: (n,) a row of each. inverse: the number of the time of each row.
    """

    rows: np.ndarray
    times: np.ndarray
    firsts: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, clock: np.ndarray) -> "_Ordered":
        times, firsts, inverse = np.unique(clock[rows], return_index=True, return_inverse=True)
        return cls(rows, times, rows[firsts], inverse.reshape(-1))

    @property
    def sorted(self) -> bool:
        return bool((np.diff(self.inverse) >= 0).all())

    def means(self, values: np.ndarray) -> np.ndarray:
        """(n, channels) the rows by time; those with one time as the mean of their known numbers."""
        if len(self.rows) == len(self.times):
            return values[self.firsts]
        own = values[self.rows].astype(np.float64)
        total, count = np.zeros((2, len(self.times), values.shape[1]))
        np.add.at(total, self.inverse, np.nan_to_num(own))
        np.add.at(count, self.inverse, ~np.isnan(own))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(values.dtype, copy=False)


@dataclass
class _Notes:
    """What happened to the recordings, for one remark."""

    bridged: int = 0
    gaps: int = 0
    resampled: int = 0

    def tell(self, called: str, step: float, usual: float, dates: bool, holes: bool) -> None:
        length = duration_words(step) if dates else f"{step:g}"
        said = []
        if self.resampled:
            other = f" (about {duration_words(usual) if dates else f'{usual:.3g}'} apart; the model's are {length})"
            said.append(
                f"its time stamps are irregular{other if usual != step else ''}, so it is resampled to steps of "
                f"{length} by "
                "linear interpolation"
            )
        if self.bridged:
            how = "are missing" if holes else "are interpolated (missing='keep' leaves them missing)"
            said.append(f"{self.bridged} single steps without a row {how}")
        if self.gaps:
            said.append(f"no window crosses its {self.gaps} longer gap{'s' * (self.gaps > 1)}")
        if said:
            remark(f"{called}: {'; '.join(said)}.")


def _check(ordered: Sequence[_Ordered], called: str, *, grouped: bool) -> None:
    rows, times = sum(len(each.rows) for each in ordered), sum(len(each.times) for each in ordered)
    if rows - times > MOST_REPEATED * rows:
        again = (
            "Check groups= and time="
            if grouped
            else ("If it holds several recordings, name the column that tells them apart with groups=")
        )
        raise DataError(
            f"{called}: {rows - times} of {rows} rows repeat the time stamp of another row of their recording: "
            "expected "
            f"one row for each time. {again}."
        )
    if rows > times:
        remark(f"{called}: {rows - times} rows repeat a time stamp; rows with one time stamp become their mean.")
    if not all(each.sorted for each in ordered):
        remark(f"{called}: its rows are not in the order of their time stamps, so they are sorted.")


def _stretches(times: np.ndarray, step: float, usual: float, notes: _Notes) -> list[tuple[int, int, np.ndarray]]:
    """The stretches of a recording: the numbers of the first time and of the one after the last, and all places."""
    ratios = np.diff(times) / step
    wide = max(1.0, usual / step)  # a model's step can be shorter than that of the rows
    whole = np.maximum(1, np.round(ratios))
    near = ratios <= BRIDGED_IRREGULAR * wide
    regular = np.mean(np.abs(ratios - whole)[near] <= JITTER) >= REGULAR if near.any() else True
    gap = (whole if regular else ratios) > (BRIDGED if regular else BRIDGED_IRREGULAR) * wide
    along = whole if regular else ratios
    notes.gaps += int(gap.sum())
    if regular:
        notes.bridged += int((along[~gap] - 1).sum())
    else:
        notes.resampled += 1
    bounds = [0, *(np.flatnonzero(gap) + 1).tolist(), len(times)]
    return [(low, high, np.concatenate([[0.0], np.cumsum(along[low : high - 1])])) for low, high in pairwise(bounds)]


def _on_grid(values: np.ndarray, places: np.ndarray, *, holes: bool) -> np.ndarray:
    """(n, channels) values at these places to (steps, channels), one at each whole number."""
    steps = int(np.ceil(places[-1] - 1e-9)) + 1
    if steps == len(places) and np.array_equal(places, np.arange(steps)):
        return values
    at = places.astype(np.int64)
    if holes and np.array_equal(at, places):
        made = np.full((steps, values.shape[1]), np.nan, values.dtype)
        made[at] = values
        return made
    grid = np.arange(steps)
    columns = [np.interp(grid, places, column) for column in values.T]
    return np.stack(columns, 1).astype(values.dtype, copy=False)


def _usual(differences: np.ndarray) -> float:
    """The step: the most frequent difference, if many are equal, otherwise the median."""
    median = float(np.median(differences))
    rounded = np.round(differences / median, 3)
    different, counts = np.unique(rounded, return_counts=True)
    most = int(counts.argmax())
    frequent = counts[most] > FREQUENT * len(differences)
    return float(np.median(differences[rounded == different[most]])) if frequent else median


def _clock(times: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """(rows,) whether the time is known; the time in seconds or numbers, from a zero point; and the zero point."""
    if times.dtype.kind != "M":
        return np.isfinite(times), times.astype(np.float64), 0.0
    known = ~np.isnat(times)
    whole = times.astype("datetime64[ns]").astype(np.int64)
    origin = int(whole[known].min()) if known.any() else 0
    return known, (whole - origin) / 1e9, origin / 1e9


def _working_days(times: np.ndarray, known: np.ndarray) -> np.ndarray | None:
    """(rows,) the number of working days up to each date, for daily rows without weekends; None for others."""
    if times.dtype.kind != "M" or not known.any():
        return None
    days = times.astype("datetime64[D]")
    own = days[known]
    if (own != times[known]).any() or not np.is_busday(own).all():
        return None
    different = np.unique(own)
    if len(different) < 2 * WEEK or np.median(np.diff(different).astype(int)) != 1:
        return None
    counted = np.zeros(len(times))
    counted[known] = np.busday_count(different[0], own)
    return counted
