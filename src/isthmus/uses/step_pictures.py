"""Pictures of the scores of steps: the recording with the worst stretch, and its worst stretches enlarged."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from isthmus.drawing import recording
from isthmus.drawing.recording import Line, runs
from isthmus.drawing.theme import LIGHT
from isthmus.trained import TrainedModel
from isthmus.uses.steps import Steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

MOST_CHANNELS, MOST_WORST = 5, 3
"""Channels that are drawn, those with the largest errors in anomalous steps; and stretches that are enlarged."""
AROUND = 0.75
"""Windows before and after an enlarged stretch."""


def draw_steps(run: TrainedModel, steps: Steps, theme: "Theme" = LIGHT) -> "Figure":
    """Draw the recording with the highest score: its channels, its scores, and the worst stretches enlarged."""
    recordings, timeline = steps.timewise.recordings, steps.timewise.recordings.timeline
    medium = recordings.medium
    number = timeline.stretches[int(timeline.stretch[np.nan_to_num(steps.scores, nan=-1.0).argmax()])].recording
    rows = {place: _rows(steps, place) for place, own in enumerate(timeline.stretches) if own.recording == number}
    worst = _worst(steps, rows)
    channels = _channels(steps, np.concatenate([rows[stretch][low:high] for stretch, low, high in worst] or [[]]))
    given, made = steps.timewise.given()[:, channels], _reconstructed(run, steps, rows, worst)[:, channels]
    lines = [_line(steps, given, stretch, own) for stretch, own in rows.items()]
    enlarged = [
        replace(
            _line(steps, given, stretch, rows[stretch][low:high]),
            reconstructed=made[rows[stretch][low:high]],
            title=_title(steps, stretch, rows[stretch][low:high]),
        )
        for stretch, low, high in worst
    ]
    return recording.recording_scores(
        _joined(lines, recordings.names[number] if recordings.count > 1 else ""),
        enlarged,
        [medium.channel(channel) for channel in channels],
        steps.threshold,
        zone=medium.zoned if medium.clock == "dates" else None,
        axis=medium.time or "time step",
        theme=theme,
    )


def _rows(steps: Steps, stretch: int) -> np.ndarray:
    """The rows of a stretch, in the order of time."""
    timeline = steps.timewise.recordings.timeline
    rows = np.flatnonzero(timeline.stretch == stretch)
    return rows[np.argsort(timeline.place[rows], kind="stable")]


def _worst(steps: Steps, rows: dict[int, np.ndarray]) -> list[tuple[int, int, int]]:
    """The surroundings of the anomalous steps with the highest scores: stretch, the first row and that after the last.

    None overlaps another.
    """
    around = round(AROUND * steps.timewise.recordings.medium.length)
    found = [
        (float(steps.scores[own[first : last + 1]].max()), stretch, int(first), int(last))
        for stretch, own in rows.items()
        for first, last in runs(steps.anomalous[own])
    ]
    taken: list[tuple[int, int, int]] = []
    for _, stretch, first, last in sorted(found, reverse=True):
        low, high = max(0, first - around), min(len(rows[stretch]), last + 1 + around)
        if not any(other == stretch and low < end and start < high for other, start, end in taken):
            taken.append((stretch, low, high))
        if len(taken) == MOST_WORST:
            break
    return taken


def _channels(steps: Steps, rows: np.ndarray) -> list[int]:
    """The channels with the largest errors in the anomalous ones of these rows, in the order of the data."""
    rows = rows.astype(np.int64)
    some = rows[steps.anomalous[rows]] if len(rows) else np.arange(len(steps.errors))
    sums = np.nansum(steps.errors[some], 0)
    return sorted(np.argsort(-sums, kind="stable")[:MOST_CHANNELS].tolist())


def _reconstructed(
    run: TrainedModel, steps: Steps, rows: dict[int, np.ndarray], worst: list[tuple[int, int, int]]
) -> np.ndarray:
    """(rows, channels) the reconstruction of these surroundings; NaN elsewhere."""
    timewise = steps.timewise
    place, length = timewise.recordings.timeline.place, timewise.recordings.medium.length
    near = np.zeros(len(timewise.places), bool)
    for stretch, low, high in worst:
        first, last = place[rows[stretch][low]], place[rows[stretch][high - 1]]
        starts = timewise.places[:, 1]
        near |= (timewise.places[:, 0] == stretch) & (starts + length > first) & (starts <= last)
    return replace(timewise, places=timewise.places[near]).through(run.reconstruct)


def _line(steps: Steps, given: np.ndarray, stretch: int, rows: np.ndarray) -> Line:
    timeline = steps.timewise.recordings.timeline
    own = timeline.stretches[stretch]
    grid = own.first + np.arange(len(own.values)) if own.times is None else own.times
    times = np.interp(timeline.place[rows], np.arange(len(grid)), grid)
    return Line(times, given[rows], steps.scores[rows], steps.anomalous[rows])


def _title(steps: Steps, stretch: int, rows: np.ndarray) -> str:
    """The time of the highest score."""
    worst = rows[np.nan_to_num(steps.scores[rows], nan=-1.0).argmax()]
    recordings = steps.timewise.recordings
    words = recordings.time(stretch, int(recordings.timeline.place[worst]))
    return words if recordings.medium.clock == "dates" else f"{recordings.medium.time or 'step'} {words}"


def _joined(lines: list[Line], title: str) -> Line:
    """The stretches one after another, with a hole in each gap."""
    hole = np.full(1, np.nan)
    blank = Line(hole, np.full((1, lines[0].values.shape[1]), np.nan), hole, np.zeros(1, bool))
    parts = [part for line in lines for part in (line, blank)][:-1]
    columns = ("times", "values", "scores", "anomalous")
    return Line(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns), title=title)
