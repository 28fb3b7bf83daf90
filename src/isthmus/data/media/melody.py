"""Melodies: one voice on a grid, as tokens."""

from typing import ClassVar

import numpy as np
from torch import Tensor

from isthmus.data.media.notes import HIGHEST, Notes, as_rows, checked_notes, pitch_name
from isthmus.options.reading import Kind
from isthmus.special_tokens import END

HOLD, REST, LOWEST_NOTE = 2, 3, 4
"""Tokens: nothing starts, silence starts, and the first of the notes: token `LOWEST_NOTE + p` starts MIDI pitch p."""


class Melody(Notes):
    """A melody as one token for each grid step: a note starts, silence starts (3), or nothing starts (2).

    Token 4 + p starts MIDI pitch p, so that repeated notes stay apart. 0 is the end and 1 an unknown token, as in
    every vocabulary; melodies of one length have neither. A note that sounds at the start of a sample starts there.

    Source: Roberts et al., A hierarchical latent vector model for learning long-term structure in music, ICML (2018).
    """

    kind: ClassVar[str] = "melody"
    layout: ClassVar[Kind] = "tokens"

    @property
    def tokens(self) -> int:
        """The size of the vocabulary: four special tokens and 128 pitches."""
        return LOWEST_NOTE + HIGHEST + 1

    def symbols_of(self, values: Tensor) -> list[list[str]]:
        """(N, T) tokens as the names of notes, "." (nothing starts), "-" (silence) and "?", each with a blank."""
        special = ("", "? ", ". ", "- ")
        rows = [row[: row.index(END)] if END in row else row for row in values.detach().cpu().long().tolist()]
        return [[special[t] if t < LOWEST_NOTE else f"{pitch_name(t - LOWEST_NOTE)} " for t in row] for row in rows]

    def encode(self, notes: np.ndarray) -> np.ndarray:
        """(n, 3) notes as (T,) uint8 tokens. A note ends where the next one starts; of several, the highest is kept."""
        row = np.full(self.length, HOLD, np.uint8)
        end = 0
        for start, length, pitch in checked_notes(notes, self.length).tolist():
            if start > end:
                row[end] = REST
            row[start] = LOWEST_NOTE + pitch
            end = start + length
        if end < self.length:
            row[end] = REST
        return row

    def decode(self, sample: np.ndarray | Tensor) -> np.ndarray:
        """(T,) tokens as (n, 3) notes, up to the end; an unknown token starts nothing."""
        row = as_rows(sample).round().astype(np.int64)
        stops = np.flatnonzero(row == END)
        row = row[: stops[0]] if len(stops) else row
        changes = np.flatnonzero(row >= REST)
        ends = np.append(changes[1:], len(row))
        notes = np.stack([changes, ends - changes, row[changes] - LOWEST_NOTE], 1)
        return notes[notes[:, 2] >= 0]
