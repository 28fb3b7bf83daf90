"""Notes on a grid: the base of the media of music, with note names, MIDI and sound."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from isthmus.data.media.medium import Medium
from isthmus.data.media.midi import QUARTER, write_midi
from isthmus.data.media.synthesis import SMALL_RATE, soundfont, wav, wav_by_soundfont
from isthmus.errors import DataError

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
HIGHEST = 127
"""The highest MIDI pitch; 60 is middle C, C4."""
SILENT, HELD = 0.94, 0.5
"""The shades of silence and of a note that goes on, in a picture; a note starts in black, 0."""


class Notes(Medium):
    """Notes on a grid of beats: a few bars of music.

    steps: of the grid in a quarter note; 4 are sixteenths. bars: in a sample. signature: the time signature, (4, 4).
    tempo: quarter notes a minute in the files that are written; the grid counts beats, so it has no other tempo.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".mid", ".wav")
    joins: ClassVar[bool] = True
    pictured: ClassVar[bool] = True

    steps: Annotated[int, Field(ge=1, le=48)] = 4
    bars: Annotated[int, Field(ge=1)] = 2
    signature: tuple[Annotated[int, Field(ge=1, le=64)], Annotated[int, Field(ge=1, le=64)]] = (4, 4)
    tempo: Annotated[float, Field(gt=0)] = 120.0

    @model_validator(mode="after")
    def _whole_bars(self) -> "Notes":
        if 4 * self.signature[0] * self.steps % self.signature[1]:
            raise ValueError(f"a bar of {self.signature[0]}/{self.signature[1]} is no whole number of grid steps")
        return self

    @property
    def bar(self) -> int:
        """Grid steps in a bar."""
        return 4 * self.signature[0] * self.steps // self.signature[1]

    @property
    def length(self) -> int:
        """Grid steps in a sample."""
        return self.bars * self.bar

    def encode(self, notes: np.ndarray) -> np.ndarray:
        """(n, 3) notes, each (start, length, MIDI pitch) in grid steps, as one sample."""
        raise NotImplementedError

    def decode(self, sample: np.ndarray | Tensor) -> np.ndarray:
        """One sample as (n, 3) int64 notes, in order of their starts and pitches."""
        raise NotImplementedError

    def words(self, values: np.ndarray | Tensor) -> list[str]:
        """(N, *shape) samples as the names of the notes that start in each step.

        "." means that nothing starts, "-" that silence starts, "|" is a bar line, and "+" joins notes of one step.
        """
        return [self._words(self.decode(sample)) for sample in values]

    def file(self, sample: np.ndarray, suffix: str) -> bytes:
        """One sample as a MIDI file, or as sound; see `joined`."""
        return self.joined(sample[None], suffix)

    def joined(self, values: np.ndarray, suffix: str) -> bytes:
        """(N, *shape) samples one after the other, as MIDI or as sound: of a SoundFont if there is one, or of sines.

        Raises:
            DataError: the SoundFont that ISTHMUS_SOUNDFONT names can't be read.
            MissingPackageError: a SoundFont needs the extra `music`.
        """
        rows = [self.decode(sample) for sample in values]
        notes = np.concatenate([each + np.array([place * self.length, 0, 0]) for place, each in enumerate(rows)])
        if suffix == ".mid":
            return self._midi(notes)
        font = soundfont()
        if font is not None and len(notes):
            return wav_by_soundfont(self._midi(notes), font)
        return wav(self._in_seconds(notes), len(rows) * self.length * self.seconds)

    def heard(self, sample: np.ndarray | Tensor) -> bytes:
        """One sample as a small WAV of sines, for a page."""
        return wav(self._in_seconds(self.decode(sample)), self.length * self.seconds, SMALL_RATE)

    @property
    def seconds(self) -> float:
        """The duration of a grid step in the files that are written."""
        return 60 / (self.tempo * self.steps)

    def pictures(self, values: Tensor) -> Tensor:
        """(N, *shape) samples as piano rolls (N, 1, pitches, T): grey while a note sounds, black where it starts.

        All have the same pitches: those of any of the samples, and one above and below.
        """
        notes = [self.decode(sample) for sample in values]
        pitches = np.concatenate([rows[:, 2] for rows in notes])
        low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 60)
        made = torch.full((len(notes), 1, high - low + 3, self.length), SILENT)
        for picture, rows in zip(made[:, 0], notes, strict=True):
            for start, length, pitch in rows.tolist():
                picture[high + 1 - pitch, start : start + length] = HELD
            picture[high + 1 - rows[:, 2], rows[:, 0]] = 0
        return made

    def played(self, values: Tensor) -> list[list[tuple[float, float, int]]]:
        """The notes of each of (N, *shape) samples, as (start, duration, MIDI pitch) in seconds."""
        return [self._in_seconds(self.decode(sample)) for sample in values]

    def _in_seconds(self, notes: np.ndarray) -> list[tuple[float, float, int]]:
        step = self.seconds
        return [(round(start * step, 4), round(length * step, 4), pitch) for start, length, pitch in notes.tolist()]

    def _midi(self, notes: np.ndarray) -> bytes:
        ticks = [
            (start * QUARTER // self.steps, (start + length) * QUARTER // self.steps, pitch)
            for start, length, pitch in notes.tolist()
        ]
        rows = [(start, stop - start, pitch) for start, stop, pitch in ticks]
        return write_midi([(self.kind, rows)], [(0, *self.signature)], self.tempo)

    def _words(self, notes: np.ndarray) -> str:
        steps = ["."] * self.length
        sounding = np.zeros(self.length + 1, bool)
        for start, length, _ in notes.tolist():
            sounding[start : start + length] = True
        silent = ~sounding[:-1] & np.concatenate([[True], sounding[:-2]])
        for step in np.flatnonzero(silent):
            steps[step] = "-"
        for start, _, pitch in notes.tolist():
            name = pitch_name(pitch)
            steps[start] = name if steps[start] == "." else f"{steps[start]}+{name}"
        return " | ".join(" ".join(steps[place : place + self.bar]) for place in range(0, self.length, self.bar))


def pitch_name(pitch: int) -> str:
    """The name of a MIDI pitch, such as C#4.

    >>> pitch_name(60), pitch_name(69)
    ('C4', 'A4')
    """
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def checked_notes(notes: np.ndarray | Sequence[Sequence[int]], length: int) -> np.ndarray:
    """(n, 3) int64 notes in order; those within `length` grid steps, cut off at its end.

    Raises:
        DataError: they aren't rows of three whole numbers with a MIDI pitch.
    """
    rows = np.asarray(notes)
    if rows.size == 0:
        return np.empty((0, 3), np.int64)
    if rows.ndim != 2 or rows.shape[1] != 3 or rows.dtype.kind not in "iu":
        raise DataError(f"Notes of shape {rows.shape} and type {rows.dtype}: expected (n, 3) integers.")
    rows = rows.astype(np.int64)
    if (rows[:, 2] < 0).any() or (rows[:, 2] > HIGHEST).any():
        raise DataError(f"A note has a pitch outside 0 to {HIGHEST}: expected MIDI pitches, such as 60 for C4.")
    rows = rows[(rows[:, 0] >= 0) & (rows[:, 0] < length) & (rows[:, 1] > 0)]
    rows[:, 1] = np.minimum(rows[:, 1], length - rows[:, 0])
    return rows[np.lexsort((rows[:, 2], rows[:, 0]))]


def as_rows(sample: np.ndarray | Tensor) -> np.ndarray:
    """A sample as an array in memory."""
    return np.asarray(sample.detach().cpu() if isinstance(sample, Tensor) else sample)
