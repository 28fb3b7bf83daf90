"""Made recordings with known anomalies: a repeating signal with noise, and one kind of anomaly in three places.

The first five kinds guided the choice of the default; the others were made afterwards, to check it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 4000
PLACES = 3
"""Anomalies of a recording."""
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Known:
    """A recording with known anomalies.

    values: (steps, channels). anomalous: (steps,) bool. normal: another recording, without anomalies, or None.
    """

    name: str
    values: np.ndarray
    anomalous: np.ndarray
    normal: np.ndarray | None = None

    def write(self, folder: Path) -> Path:
        """Write it as NAME.npz."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.npz"
        arrays: dict[str, Any] = {"values": self.values, "anomalous": self.anomalous, "normal": self.normal}
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
        return path

    @classmethod
    def read(cls, path: Path) -> "Known":
        """What `write` has written."""
        with np.load(path) as stored:
            return cls(path.stem, **{name: stored[name] for name in stored.files})


def made(kind: str, seed: int) -> Known:
    """A made recording, and a second one of the same signal without anomalies."""
    rng = np.random.default_rng(100 * seed + list(KINDS).index(kind))
    signal, spoil = KINDS[kind]
    parameters = signal(rng)
    normal, values = parameters(STEPS, rng), parameters(STEPS, rng)
    anomalous = np.zeros(STEPS, bool)
    for part in range(PLACES):
        low = STEPS * (part + 1) // (PLACES + 1)
        start = int(rng.integers(low, low + STEPS // (2 * PLACES + 2)))
        length = spoil(values, start, rng)
        anomalous[start : start + length] = True
    return Known(f"{kind.replace(' ', '-')}-{seed}", values, anomalous, normal)


Signal = Callable[[int, Rng], np.ndarray]


def waves(rng: Rng) -> Signal:
    """One channel: a wave and its overtones."""
    period, weights, shifts = rng.integers(40, 90), rng.uniform(0.2, 1, 3), rng.uniform(0, 6, 3)

    def draw(steps: int, rng: Rng) -> np.ndarray:
        turn = 2 * np.pi * (np.arange(steps) + rng.integers(period)) / period
        clean = sum(w / k * np.sin(k * turn + s) for k, w, s in zip((1, 2, 3), weights, shifts, strict=True))
        return (clean + rng.normal(0, 0.08, steps))[:, None]

    return draw


def beats(rng: Rng) -> Signal:
    """One channel: beats at slightly irregular times, with a small wave after each, on a slow drift."""
    period = rng.integers(50, 90)

    def draw(steps: int, rng: Rng) -> np.ndarray:
        values, time, at = np.zeros(steps), np.arange(steps), float(rng.uniform(0, period))
        while at < steps + period:
            values += 2 * np.exp(-(((time - at) / 2.5) ** 2)) + 0.5 * np.exp(-(((time - at - 0.35 * period) / 6) ** 2))
            at += period * rng.normal(1, 0.03)
        drift = 0.2 * np.sin(2 * np.pi * time / 900 + rng.uniform(0, 6))
        return (values + drift + rng.normal(0, 0.04, steps))[:, None]

    return draw


def days(rng: Rng) -> Signal:
    """Three channels: a load with days and weekends, and two that follow from it."""
    day = 48

    def draw(steps: int, rng: Rng) -> np.ndarray:
        time = np.arange(steps) + day * rng.integers(7)
        working = (time // day) % 7 < 5
        sun = np.maximum(0, np.sin(2 * np.pi * time / day - 1.5)) ** 0.7
        load = sun * np.where(working, 1.0, 0.45) * (1 + 0.1 * rng.normal(size=steps // day + 9)[time // day % 80])
        warm = np.convolve(load, np.ones(6) / 6)[:steps]
        return np.stack([load, 20 + 5 * warm, 100 - 30 * load], 1) + rng.normal(size=(steps, 3)) * (0.04, 0.2, 1.2)

    return draw


def spike(values: np.ndarray, start: int, rng: Rng) -> int:
    """One value of one channel."""
    values[start, rng.integers(values.shape[1])] += 0.9 * values.std() * rng.choice([-1, 1])
    return 1


def shift(values: np.ndarray, start: int, rng: Rng) -> int:
    """A higher or lower level for a while."""
    length = int(rng.integers(60, 120))
    values[start : start + length] += 0.6 * values.std(0) * rng.choice([-1, 1])
    return length


def faster(values: np.ndarray, start: int, rng: Rng) -> int:
    """One and a half times as fast for a while."""
    length = int(rng.integers(80, 160))
    values[start : start + length] = np.stack(
        [
            np.interp(start + 1.5 * np.arange(length), np.arange(len(values)), own) + rng.normal(0, 0.02, length)
            for own in values.T
        ],
        1,
    )
    return length


def missing_beat(values: np.ndarray, start: int, rng: Rng) -> int:
    """No beat where one is due."""
    length = 90  # as long as the longest period
    values[start : start + length] = values[start : start + length].min() + rng.normal(0, 0.04, (length, 1)) + 0.1
    return length


def other_day(values: np.ndarray, start: int, rng: Rng) -> int:
    """A usual half day at the wrong time of the day."""
    values[start : start + 24] = values[start + 24 : start + 48]
    return 24


def stuck(values: np.ndarray, start: int, rng: Rng) -> int:
    """The same value for a while."""
    values[start : start + 40] = values[start]
    return 40


def noisy(values: np.ndarray, start: int, rng: Rng) -> int:
    """More noise for a while."""
    values[start : start + 50] += rng.normal(size=(50, values.shape[1])) * 0.35 * values.std(0)
    return 50


def weaker(values: np.ndarray, start: int, rng: Rng) -> int:
    """A smaller amplitude for a while."""
    own = values[start : start + 100]
    own[:] = own.mean(0) + 0.6 * (own - own.mean(0))
    return 100


def apart(values: np.ndarray, start: int, rng: Rng) -> int:
    """One channel goes its own way: it repeats the day before yesterday, shifted by a quarter of a day."""
    values[start : start + 48, 1] = values[start - 84 : start - 36, 1]
    return 48


def dip(values: np.ndarray, start: int, rng: Rng) -> int:
    """A short smooth dip."""
    values[start : start + 12] -= 0.5 * values.std(0) * np.hanning(12)[:, None]
    return 12


KINDS: dict[str, tuple[Callable[[Rng], Signal], Callable[[np.ndarray, int, Rng], int]]] = {
    "spike": (waves, spike),
    "level shift": (waves, shift),
    "frequency change": (waves, faster),
    "missing beat": (beats, missing_beat),
    "contextual": (days, other_day),
    "stuck": (waves, stuck),
    "noise": (beats, noisy),
    "weaker": (beats, weaker),
    "channels apart": (days, apart),
    "dip": (waves, dip),
}
FIRST = ("spike", "level shift", "frequency change", "missing beat", "contextual")
"""The kinds that guided the choice of the default."""
