"""Writing recordings: the windows of each are joined again, into one file, a folder or a zip."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data.media.medium import Recorded
from isthmus.data.write_pictures import Write, write_folder, write_zip
from isthmus.errors import DataError
from isthmus.storage.files import whole_file

LONGEST = 1800
"""Seconds of a file in a folder or zip; longer recordings become several files, so that they need little memory."""
TOGETHER = 60
"""Seconds that are written at a time into one file."""
_PLACE = re.compile(r"(.+)@(\d+\.\d+)s")

Piece = tuple[str, int, Tensor]
"""Of a recording: its name, the place of the first value, and the waveform (T,)."""


@contextlib.contextmanager
def write_recording(medium: Recorded, suffix: str, path: Path, count: int | None) -> Iterator[Write]:
    """One file, of any length: the windows of one recording, or one sample.

    Raises:
        DataError: there are several recordings.
    """
    with whole_file(path) as beside, medium.writer(beside, suffix) as put:
        joiner, seen = _Joiner(medium, TOGETHER), 0

        def write(samples: np.ndarray, names: Sequence[str]) -> None:
            nonlocal seen
            seen += len(samples)
            if not names and max(seen, count or 0) > 1:
                raise DataError(f"{path} holds one sample, not {max(seen, count or 0)}: {_ADVICE}")
            for _, _, signal in joiner.add(samples, names or [path.name]):
                put(signal)
            if joiner.recordings > 1:
                raise DataError(f"{path} holds one recording, but the samples come from several: {_ADVICE}")

        yield write
        for _, _, signal in joiner.rest():
            put(signal)


@contextlib.contextmanager
def write_recordings(medium: Recorded, zipped: bool, path: Path, count: int | None) -> Iterator[Write]:
    """A folder or zip with a file for each recording; samples without names get a file each, and a number."""
    usual = medium.suffixes[0]
    factory: Any = write_zip if zipped else write_folder
    with factory(path, count, encode=lambda signal: medium.recording(signal, usual), suffix=usual) as put:
        joiner = _Joiner(medium, LONGEST)
        written: set[str] = set()

        def put_named(pieces: list[Piece]) -> None:
            for name, start, signal in pieces:
                put([signal], [f"{name}@{start / medium.rate:.2f}s" if start or name in written else name])
                written.add(name)

        def write(samples: np.ndarray, names: Sequence[str]) -> None:
            if names:
                put_named(joiner.add(samples, names))
            else:
                put(list(medium.signals(samples)), ())

        yield write
        put_named(joiner.rest())


class _Joiner:
    """Joins windows that follow one another: each is cut where the next one of its recording begins.

    longest: seconds of a piece. recordings: how many began so far.
    """

    def __init__(self, medium: Recorded, longest: float) -> None:
        self.medium, self.longest, self.recordings = medium, longest * medium.rate, 0
        self.name, self.first, self.start = "", 0, 0
        self.window: Tensor | None = None
        self.parts: list[Tensor] = []

    def add(self, samples: np.ndarray, names: Sequence[str]) -> list[Piece]:
        """The pieces that these windows complete."""
        done: list[Piece] = []
        for window, full in zip(self.medium.signals(samples), names, strict=True):
            placed = _PLACE.fullmatch(full)
            name, start = (placed[1], round(float(placed[2]) * self.medium.rate)) if placed else (full, 0)
            if self.window is not None and name == self.name and start > self.start:
                self.parts.append(_fitted(self.window, start - self.start))
                if start - self.first >= self.longest:
                    done.append((name, self.first, torch.cat(self.parts)))
                    self.first, self.parts = start, []
            else:
                done += self.rest()
                self.name, self.first = name, start
                self.recordings += 1
            self.start, self.window = start, window
        return done

    def rest(self) -> list[Piece]:
        """The last piece of the recording that is being joined."""
        if self.window is None:
            return []
        piece = (self.name, self.first, torch.cat((*self.parts, self.window)))
        self.window, self.parts = None, []
        return [piece]


_ADVICE = "write a folder (no suffix) or a .zip."


def _fitted(window: Tensor, length: int) -> Tensor:
    """(T,) cut, or with silence at its end: (length,)."""
    return torch.nn.functional.pad(window, (0, max(0, length - len(window))))[:length]
