"""Sound: waveforms, and log-mel spectrograms with an approximate way back to a waveform."""

import contextlib
import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from isthmus.data.media.medium import Medium
from isthmus.data.media.spectra import from_log_mel, log_mel
from isthmus.extras import needs
from isthmus.options.reading import Kind

FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}
_STEPS = 64
"""Steps of Griffin-Lim for a file or a player."""
_SILENT = -120.0
"""The level in dB of silence, in words."""

Count = Annotated[int, Field(ge=1)]


class Sound(Medium):
    """Recordings of one channel, of equal length, as samples. A subclass defines what the numbers mean.

    rate: values a second. length: values of a recording.
    """

    suffixes: ClassVar[tuple[str, ...]] = tuple(FORMATS)

    rate: Count
    length: Count

    def values(self, signals: np.ndarray | Tensor) -> np.ndarray:
        """(N, length) waveforms in -1..1 to (N, *shape) float32 samples."""
        raise NotImplementedError

    def signals(self, values: np.ndarray | Tensor) -> Tensor:
        """(N, *shape) samples to (N, length) float32 waveforms, on the CPU; missing numbers become silence."""
        raise NotImplementedError

    @property
    def recorded(self) -> Self:
        """The medium itself: its samples are windows of recordings."""
        return self

    @property
    def seconds(self) -> float:
        """The length of a recording."""
        return self.length / self.rate

    def words(self, values: np.ndarray | Tensor) -> list[str]:
        """The length, the rate and the level (root mean square, 0 dB for the loudest square wave) of each sample."""
        return [
            f"{self.seconds:.2f} s at {self.rate} Hz, " + ("silent" if level <= _SILENT else f"{level:.0f} dB")
            for level in _decibels(self.signals(values)).tolist()
        ]

    def file(self, sample: np.ndarray, suffix: str) -> bytes:
        """A .wav, .flac or .ogg file of one sample (*shape); louder values than ±1 are clipped."""
        return self.recording(self.signals(np.asarray(sample)[None])[0], suffix)

    def recording(self, signal: Tensor, suffix: str = ".wav") -> bytes:
        """A .wav, .flac or .ogg file of a waveform (T,)."""
        buffer = io.BytesIO()
        with self.writer(buffer, suffix) as write:
            write(signal)
        return buffer.getvalue()

    @contextlib.contextmanager
    def writer(self, file: Path | io.BytesIO, suffix: str) -> Iterator[Callable[[Tensor], None]]:
        """A function that writes waveforms (T,) one after another into a .wav, .flac or .ogg file."""
        soundfile = needs("soundfile", "sound", "Sound")
        with soundfile.SoundFile(file, "w", self.rate, 1, format=FORMATS[suffix]) as opened:
            yield lambda signal: opened.write(signal.clamp(-1, 1).numpy())


class Waveform(Sound):
    """Sound as series (N, 1, length): float32 values in -1..1, `rate` a second."""

    kind: ClassVar[str] = "waveform"
    layout: ClassVar[Kind] = "series"

    def values(self, signals: np.ndarray | Tensor) -> np.ndarray:
        """(N, length) to (N, 1, length), unchanged."""
        return np.asarray(signals, np.float32)[:, None]

    def signals(self, values: np.ndarray | Tensor) -> Tensor:
        """(N, 1, length) to (N, length), unchanged."""
        return _tensor(values)[:, 0].nan_to_num(0.0)


class Mel(Sound):
    """Sound as pictures (N, 1, mels, frames): natural logarithms of magnitudes in mel bands, high bands at the top.

    n_fft, hop: the size of a frame and the distance of two, in values. mels: the number of bands.

    The way back estimates the magnitudes by non-negative least squares and the phases by Griffin-Lim: it sounds alike,
    but its waveform differs.
    """

    kind: ClassVar[str] = "mel"
    layout: ClassVar[Kind] = "pictures"

    n_fft: Count
    hop: Count
    mels: Count

    @classmethod
    def usual(cls, rate: int, length: int) -> "Mel":
        """Frames of about 32 ms with three quarters of overlap, and 40 bands, or 64 from 16 kHz."""
        n_fft = 2 ** max(4, round(math.log2(0.032 * rate)))
        return cls(
            rate=rate, length=length, n_fft=n_fft, hop=n_fft // 4, mels=min(64 if rate >= 16000 else 40, n_fft // 4)
        )

    @property
    def frames(self) -> int:
        """The number of frames of a recording."""
        return 1 + self.length // self.hop

    def values(self, signals: np.ndarray | Tensor) -> np.ndarray:
        """(N, length) to (N, 1, mels, frames)."""
        given = _tensor(signals)
        return log_mel(given, self.rate, self.n_fft, self.hop, self.mels).flip(1)[:, None].numpy()

    def signals(self, values: np.ndarray | Tensor) -> Tensor:
        """(N, 1, mels, frames) to (N, length), estimated."""
        given = _tensor(values)[:, 0].nan_to_num(-math.inf).flip(1)
        return from_log_mel(given, self.rate, self.n_fft, self.hop, self.length, _STEPS)


def _tensor(values: np.ndarray | Tensor) -> Tensor:
    given = values.detach().cpu() if isinstance(values, Tensor) else torch.from_numpy(np.ascontiguousarray(values))
    return given.float()


def _decibels(signals: Tensor) -> Tensor:
    """(N, T) to (N,) levels: 20 log10 of the root mean square."""
    return 10 * signals.double().square().mean(1).clamp(min=1e-30).log10()
