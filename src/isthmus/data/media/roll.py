"""Piano rolls: all voices on a grid, as series of zeros and ones."""

from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator
from torch import Tensor

from isthmus.data.media.notes import HIGHEST, Notes, as_rows, checked_notes
from isthmus.options.reading import Kind


class Roll(Notes):
    """A piano roll (C, T) of zeros and ones: for each pitch whether it sounds, and whether it starts.

    The first half of the channels, `low` to `high`, are 1 while a pitch sounds; the second half are 1 in the step in
    which it starts. One channel a pitch would be half the size, but would join repeated notes into one.
    """

    kind: ClassVar[str] = "roll"
    layout: ClassVar[Kind] = "series"

    low: Annotated[int, Field(ge=0, le=HIGHEST)] = 21
    high: Annotated[int, Field(ge=0, le=HIGHEST)] = 108

    @model_validator(mode="after")
    def _some_pitches(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"the lowest pitch, {self.low}, is above the highest, {self.high}")
        return self

    @property
    def pitches(self) -> int:
        """The number of pitches; a roll has twice as many channels."""
        return self.high - self.low + 1

    def encode(self, notes: np.ndarray) -> np.ndarray:
        """(n, 3) notes as a roll (C, T), float32; those outside `low` to `high` are left out."""
        roll = np.zeros((2, self.pitches, self.length), np.float32)
        for start, length, pitch in checked_notes(notes, self.length).tolist():
            if self.low <= pitch <= self.high:
                roll[0, pitch - self.low, start : start + length] = 1
                roll[1, pitch - self.low, start] = 1
        return roll.reshape(-1, self.length)

    def decode(self, sample: np.ndarray | Tensor) -> np.ndarray:
        """A roll (C, T) as (n, 3) notes: a pitch sounds where its number is at least 0.5.

        A note starts where it sounds and the pitch starts there, or was silent before.
        """
        sounds, starts = (np.nan_to_num(as_rows(sample)) >= 0.5).reshape(2, self.pitches, -1)
        before = np.pad(sounds, ((0, 0), (1, 0)))[:, :-1]
        begins = sounds & (starts | ~before)
        notes = []
        for pitch, start in zip(*np.nonzero(begins), strict=True):
            stops = np.flatnonzero(~sounds[pitch, start + 1 :] | begins[pitch, start + 1 :])
            length = stops[0] + 1 if len(stops) else sounds.shape[1] - start
            notes.append((start, length, pitch + self.low))
        found = np.array(notes, np.int64).reshape(-1, 3)
        return found[np.lexsort((found[:, 2], found[:, 0]))]
