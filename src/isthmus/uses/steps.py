"""Steps: scores of the single time steps of recordings, from the windows that contain them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from isthmus.data.media import Recording
from isthmus.data.samples import Samples
from isthmus.data.timewise import Timewise
from isthmus.shown import Shown
from isthmus.trained import TrainedModel
from isthmus.uses.cells import Cell
from isthmus.uses.detector import Detector, Together

BY_STEP = ("error", "unexplained")
"""Scores of windows that come from errors, of which each step has its own; others but `combined` hold for windows."""
OF_WINDOWS = 0.75
"""The weight of the windows in the score of a step, by `combined`: a usual value can come at a wrong time."""
LARGE = 0.1
"""The least share of a window's error of a channel that is named."""
MOST_NAMED, MOST_SPANS = 3, 10


class Span(NamedTuple):
    """Consecutive anomalous steps of a recording: the words for the first, the last and the worst, and its score."""

    recording: str
    first: str
    last: str
    worst: str
    score: float


@dataclass(frozen=True, eq=False, repr=False)
class Steps(Shown):
    """The score of each time step of recordings, in the order of the source's rows.

    scores: (rows,) float64; NaN without a window. By "error" and "unexplained", the mean squared scaled error of the
        step. By "combined", the weighted geometric mean of the score of the windows that contain it and of its own
        distance from the nearest training windows and from its reconstruction. By other scores, and those of
        ensembles, that of the windows.
    windows: (rows,) the mean score of the windows that contain the step. errors: (rows, channels) the squared scaled
        errors. threshold: steps with a higher score are anomalous. timewise: the source on its time axis.
    """

    scores: np.ndarray
    windows: np.ndarray
    errors: np.ndarray
    threshold: float
    timewise: Timewise

    @property
    def anomalous(self) -> np.ndarray:
        """(rows,) bool: which steps have a score above the threshold."""
        return self.scores > self.threshold

    def table(self) -> Any:
        """An Arrow table: time stamps, score, score of the windows, whether the step is anomalous, and errors."""
        channels = self.timewise.recordings.medium.channels or tuple(str(i) for i in range(self.errors.shape[1]))
        names = ("score", "window_score", "anomalous", *(f"error_{name}" for name in channels))
        anomalous = np.where(np.isnan(self.scores), np.nan, self.anomalous)
        several = self.errors if len(channels) > 1 else self.errors[:, :0]
        columns = np.column_stack((self.scores, self.windows, anomalous, several))
        return self.timewise.table(columns, names[: columns.shape[1]])

    def spans(self, most: int) -> list[Span]:
        """The stretches of consecutive anomalous steps, those with the highest scores first."""
        timeline, recordings = self.timewise.recordings.timeline, self.timewise.recordings
        rows = np.flatnonzero(self.anomalous)
        rows = rows[np.lexsort((timeline.place[rows], timeline.stretch[rows]))]
        apart = (np.diff(timeline.stretch[rows]) != 0) | (np.diff(timeline.place[rows]) > 1)
        found = []
        for own in np.split(rows, np.flatnonzero(apart) + 1) if len(rows) else ():
            worst = own[self.scores[own].argmax()]
            stretch = int(timeline.stretch[worst])
            first, peak, last = (recordings.time(stretch, int(timeline.place[row])) for row in (own[0], worst, own[-1]))
            name = recordings.names[timeline.stretches[stretch].recording]
            found.append(Span(name, first, last, peak, float(self.scores[worst])))
        return sorted(found, key=lambda each: -each.score)[:most]

    def to_json(self) -> dict[str, Any]:
        """The counts, the threshold and the stretches with the highest scores."""
        return {
            "count": len(self.scores),
            "scored": int(np.isfinite(self.scores).sum()),
            "anomalous": int(self.anomalous.sum()),
            "threshold": self.threshold,
            "most_anomalous": [span._asdict() for span in self.spans(MOST_SPANS)],
        }


class Measured(NamedTuple):
    """What scores of steps are made of: (N, channels, length) of windows.

    errors: squared scaled errors, NaN for missing numbers. trust, deviations: (N, 1, length) and (N, channels, length),
    for the score `combined`: the inverse square of the window's score, and the deviations of the numbers times that.
    """

    errors: Tensor
    trust: Tensor | None = None
    deviations: Tensor | None = None


class StepScores:
    """Collects the scores of windows, a piece at a time, for `Steps`."""

    def __init__(self, detector: Detector, timewise: Timewise) -> None:
        channels = detector.model.shape[0]
        self.detector, self.timewise, self.done = detector, timewise, 0
        self.errors, self.deviations = timewise.joiner(channels), timewise.joiner(channels)
        self.windows, self.trust = timewise.joiner(1), timewise.joiner(1)

    def add(self, samples: Samples, scores: Tensor, found: Measured) -> None:
        """Add the next windows, with what `measured` gives for them."""
        places = self.timewise.places[self.done : self.done + len(samples)]
        self.errors.add(places, found.errors.double().numpy())
        self.windows.add(places, _spread(scores, samples).numpy())
        if found.trust is not None and found.deviations is not None:
            self.trust.add(places, found.trust.numpy())
            self.deviations.add(places, found.deviations.numpy())
        self.done += len(samples)

    def steps(self, reference: Samples) -> Steps:
        """The scores of all steps. reference: samples of the run, whose scores lie below the threshold."""
        errors, windows = self.errors.rows(), self.windows.rows()[:, 0]
        by = self.detector.by
        if isinstance(self.detector.score, Together) or (by != "combined" and by not in BY_STEP):
            return Steps(windows, windows, errors, self.detector.threshold, self.timewise)
        usual = measured(self.detector, reference, self.detector.scores(reference))
        if usual.trust is not None and usual.deviations is not None:
            scores = _both(self.trust.rows(), self.deviations.rows())
            own = _both(_joined(usual.trust, reference), _joined(usual.deviations, reference))
        else:
            scores, own = _means(errors), _means(_joined(usual.errors, reference))
        threshold = float(np.quantile(own[np.isfinite(own)], self.detector.quantile, method="higher"))
        return Steps(scores, windows, errors, threshold, self.timewise)


def measured(detector: Detector, samples: Samples, scores: Tensor) -> Measured:
    """What the scores of steps are made of, for windows with these scores."""
    errors, deviations = errors_of(detector, samples), detector.deviations(samples)
    if deviations is None:
        return Measured(errors)
    trust = _spread(scores, samples) ** -2
    return Measured(errors, trust, deviations * trust)


def errors_of(detector: Detector, samples: Samples) -> Tensor:
    """(N, channels, length) squared scaled errors; NaN for missing numbers."""
    errors = detector.where(samples)
    return torch.where(samples.tensor().isnan(), torch.nan, errors)


def channels_off(
    run: TrainedModel, samples: Samples, errors: Tensor, when: Callable[[int, int], str]
) -> list[tuple[Cell, ...]]:
    """For each window, the channels with most of its error, at their worst step, as the cells of a table are listed.

    Each is (channel and time, given value, reconstructed value, share of the window's squared error).

    errors: (N, channels, length) from `errors_of`. when: the words for the time of a window's step.
    """
    made = run.reconstruct(samples)
    given = samples.tensor().float()
    medium = samples.medium
    assert isinstance(medium, Recording)
    filled = errors.nan_to_num(0.0)
    totals = filled.sum(2)
    shares = totals / totals.sum(1, keepdim=True).clamp(min=1e-30)
    found = []
    for row, own in enumerate(shares):
        order = own.argsort(descending=True)[:MOST_NAMED].tolist()
        cells: list[Cell] = []
        for channel in order:
            if float(own[channel]) < LARGE and cells:
                break
            step = int(filled[row, channel].argmax())
            name = f"{medium.channel(channel)} at {when(row, step)}"
            values = float(given[row, channel, step]), float(made[row, channel, step])
            cells.append(Cell(name, *values, float(own[channel])))
        found.append(tuple(cells))
    return found


def _spread(scores: Tensor, samples: Samples) -> Tensor:
    """(N,) scores of windows to (N, 1, length), the same at each step; those that aren't finite as none."""
    known = torch.where(scores.isfinite(), scores.double(), torch.nan)
    return known[:, None, None].expand(-1, 1, samples.shape[1])


def _both(trust: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """(steps,) scores from the (steps, channels) means of what `Measured` has.

    Both the windows' score and the step's deviation are means over the windows that contain the step, in which a usual
    window counts most: a step next to an anomaly is as usual as the windows that contain it without the anomaly.
    """
    own = np.sqrt(_means(deviations / trust))
    return trust[:, 0] ** (-OF_WINDOWS / 2) * own ** (1 - OF_WINDOWS)


def _means(errors: np.ndarray) -> np.ndarray:
    """(steps, channels) to (steps,): the mean of the known ones, NaN if there are none."""
    known = ~np.isnan(errors)
    return np.where(known, errors, 0).sum(1) / np.where(known.any(1), known.sum(1), np.nan)


def _joined(errors: Tensor, samples: Samples) -> np.ndarray:
    """(N, channels, length) errors of windows to (steps, channels); steps in several windows get their mean."""
    flat = errors.double().movedim(1, 2).flatten(0, 1).numpy()
    if samples.spans is None or samples.groups is None:
        return flat
    steps = (samples.spans[:, :1] + torch.arange(samples.shape[1])).flatten()
    keys = torch.stack((samples.groups.repeat_interleave(samples.shape[1]), steps), 1).numpy()
    _, where = np.unique(keys, axis=0, return_inverse=True)
    where = where.reshape(-1)
    known = ~np.isnan(flat)
    total, count = np.zeros((2, int(where.max()) + 1, flat.shape[1]))
    np.add.at(total, where, np.where(known, flat, 0))
    np.add.at(count, where, known)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
