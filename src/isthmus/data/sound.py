"""Sound: recordings in files to windows of equal length, of one channel and one rate, block by block."""

import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from isthmus.data.entries import Division, Entry, UnreadableError, divide
from isthmus.data.folders import collected
from isthmus.data.media import Medium, Mel, Sound, Waveform
from isthmus.data.media.medium import medium_of
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.samples import spread
from isthmus.data.windows import FEW, Window, Windows, stretches, windows_of
from isthmus.errors import DataError
from isthmus.extras import needs

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")
USUAL_RATE, USUAL_WINDOW = 16000, 1.0
RATES = (1000, 768_000)
"""The rates that a file can have, in hertz; another one is a damaged header."""
_BLOCK = 2**18
"""Values that are decoded at a time."""
_TOGETHER = 64
"""Windows that are turned into samples at a time."""
_HEADS = 200
"""The most files whose headers are read to choose a rate."""


def read_files(entries: Sequence[Entry], options: Options, where: str, medium: Medium | None) -> Raw:
    """The windows of recordings. The first folder of each file is its label.

    Several channels become their mean. The last window of a file is filled up with silence; unless the samples are for
    a model, or the file has only this window, it is left out if it would be more than half silent.

    medium: of a model that the samples are for.

    Raises:
        DataError: no file can be read, or the samples need more memory than `options.max_bytes`.
    """
    sound, reading = _opened(entries, options, where, medium)
    found = windows_of(entries, where, reading, "recordings")
    few = len(entries) < FEW
    raws = {part: _raw(_stacked(windows.items), windows, sound, few) for part, windows in found.items()}
    return replace(raws.pop("train"), parts=raws)


def file_pieces(
    path: Path, options: Options, like: Mapping[str, Any] | None, rows: int, skipped: list[str]
) -> tuple[None, Any]:
    """A function that reads the same samples in the same order, about `rows` at a time.

    skipped: collects the names of files that can't be read.
    """

    def pieces() -> Iterator[Raw]:
        with collected(path, options, SUFFIXES, largest=None) as entries:
            sound, read = _opened(entries, options, str(path), medium_of(like), together=False)
            division = divide(entries, str(path))
            for part in division.parts.values():
                for windows in _gathered(part, division, read, rows, skipped):
                    yield _raw(_stacked(windows.items), windows, sound, few=False)

    return None, pieces


def recorded(path: Path, rate: int) -> int:
    """The length of a recording in values of this rate.

    Raises:
        DataError: it can't be read.
    """
    soundfile = needs("soundfile", "sound", "Sound")
    with path.open("rb") as file, _decoder(file, path.name, soundfile) as recording:
        return round(recording.frames * (rate / recording.samplerate))


def _gathered(
    entries: Sequence[Entry], division: Division, read: Any, rows: int, skipped: list[str]
) -> Iterator[Windows]:
    """The windows of these files, `rows` at a time."""
    made, files = Windows(), []

    def taken() -> Windows:
        nonlocal made, files
        made.labels = division.labels(files)
        full, made, files = made, Windows(), []
        return full

    for entry in entries:
        try:
            for item, place in read(entry):
                made.items.append(item)
                made.names.append(f"{entry.name}@{place}" if place else entry.name)
                files.append(entry.name)
                if len(files) >= rows:
                    yield taken()
        except UnreadableError:
            skipped.append(entry.name)
    if files:
        yield taken()


def _opened(
    entries: Sequence[Entry], options: Options, where: str, medium: Medium | None, *, together: bool = True
) -> tuple[Sound, Any]:
    """The medium of the samples, and a function from an entry to its windows.

    together: whether all samples are kept in memory, so that their size is limited.
    """
    soundfile, soxr = needs("soundfile", "sound", "Sound"), needs("soxr", "sound", "Sound")
    sound = _medium(entries, options, where, medium, soundfile)
    return sound, partial(_windows, _Reader(sound, options, where, medium is not None, together, soundfile, soxr))


def _medium(entries: Sequence[Entry], options: Options, where: str, medium: Medium | None, soundfile: Any) -> Sound:
    """The medium of a model, or the one of these options and files."""
    if medium is not None:
        if not isinstance(medium, Sound):
            raise DataError(f"{where} has sound, but the model was trained on {medium.kind}. Give it such data.")
        if options.kind not in (None, medium.kind):
            raise DataError(
                f"kind={options.kind!r}, but the model was trained on sound as kind={medium.kind!r}. Leave kind out."
            )
        return medium
    rate = options.rate or min(USUAL_RATE, _commonest_rate(entries, soundfile))
    length = round((options.length("window", "seconds") or USUAL_WINDOW) * rate)
    if length < 16:
        raise DataError(
            f"window={options.window} is {length} values of sound at {rate} Hz: expected {16 / rate:g} seconds or more."
        )
    return Mel.usual(rate, length) if options.kind == "mel" else Waveform(rate=rate, length=length)


def _commonest_rate(entries: Sequence[Entry], soundfile: Any) -> int:
    rates: Counter[int] = Counter()
    for place in spread(len(entries), _HEADS).tolist():
        try:
            with entries[place].open() as file, _decoder(file, entries[place].name, soundfile) as recording:
                rates[recording.samplerate] += 1
        except UnreadableError:
            continue
    return max(rates, key=lambda rate: (rates[rate], rate), default=USUAL_RATE)


class _Reader:
    """The facts for reading windows, and the bytes of all samples so far."""

    def __init__(
        self, sound: Sound, options: Options, where: str, of_model: bool, together: bool, soundfile: Any, soxr: Any
    ) -> None:
        self.sound, self.options, self.where, self.of_model = sound, options, where, of_model
        self.soundfile, self.soxr = soundfile, soxr
        step = options.length("step", "seconds")
        self.step = max(1, round(step * sound.rate)) if step else sound.length
        self.most = options.max_bytes if together else None
        self.size = sound.values(np.zeros((1, sound.length), np.float32)).nbytes
        self.bytes = 0

    def reserve(self, values: float) -> None:
        """Count the samples of a recording of so many values; raise DataError if there are too many."""
        self.bytes += self.size * max(1, math.ceil((values - self.sound.length / 2) / self.step))
        if self.most is not None and self.bytes > self.most:
            sound = self.sound
            raise DataError(
                f"{self.where}: its sound needs more than max_bytes={self.most:,} bytes as samples of "
                f"window={sound.seconds:g} s, step={self.step / sound.rate:g} s and rate={sound.rate}. "
                "Set a lower rate=, a longer step= or a larger max_bytes=, or give fewer recordings."
            )

    def place(self, start: int) -> str:
        """The place of the window that starts at this value, in seconds, exact to one value."""
        digits = next((digits for digits in range(2, 6) if self.step * 10**digits % self.sound.rate == 0), 6)
        return f"{start / self.sound.rate:.{digits}f}s"


def _windows(reader: _Reader, entry: Entry) -> Iterator[Window]:
    """The windows of one file, as samples; places are named unless the file has a single window."""
    sound, silent = reader.sound, True
    waiting: list[np.ndarray] = []
    starts: list[int] = []

    def ready(last: bool) -> Iterator[Window]:
        values = sound.values(np.stack(waiting))
        alone = last and starts == [0]
        yield from zip(values, ["" if alone else reader.place(start) for start in starts], strict=True)
        waiting.clear()
        starts.clear()

    for start, window in _cut(reader, _blocks(reader, entry)):
        silent = silent and not window.any()
        if len(waiting) == _TOGETHER:
            yield from ready(last=False)
        waiting.append(window)
        starts.append(start)
    if silent and not reader.of_model:
        raise UnreadableError(f"{entry.name} is silent throughout.")
    yield from ready(last=True)


def _cut(reader: _Reader, blocks: Iterator[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """Windows (length,) with the number of their first value; only the last one may be filled up."""
    length, step = reader.sound.length, reader.step
    held, start = np.empty(0, np.float32), 0
    """The values from `start` on that are not yet used up; they begin later than read if windows leave gaps."""
    skip = 0
    for block in blocks:
        dropped, skip = min(skip, len(block)), max(0, skip - len(block))
        held = np.concatenate((held, block[dropped:]))
        at = 0
        while len(held) - at >= length:
            yield start, held[at : at + length].copy()
            start += step
            at += step
        skip += max(0, at - len(held))
        held = held[at:]
    covered = start > 0 and step < length and len(held) <= length - step  # all of it lies in the window before
    enough = start == 0 or reader.of_model or 2 * len(held) >= length
    if len(held) and enough and not covered:
        yield start, np.pad(held, (0, length - len(held)))


def _blocks(reader: _Reader, entry: Entry) -> Iterator[np.ndarray]:
    """The recording at the wanted rate, one channel, in blocks."""
    rate = reader.sound.rate
    with entry.open() as file, _decoder(file, entry.name, reader.soundfile) as recording:
        if recording.frames == 0:
            raise UnreadableError(f"{entry.name} has no sound: its length is 0.")
        reader.reserve(recording.frames * (rate / recording.samplerate))
        resampler = None
        if recording.samplerate != rate:
            resampler = reader.soxr.ResampleStream(recording.samplerate, rate, 1, dtype="float32")
        size = max(1, _BLOCK // recording.channels)
        while True:
            try:
                block = recording.read(size, dtype="float32", always_2d=True)
            except (RuntimeError, ValueError, OSError) as error:
                raise _damaged(entry.name, error) from error
            last = len(block) < size
            mono = block[:, 0] if recording.channels == 1 else block.mean(1, dtype=np.float32)
            if not np.isfinite(mono).all():
                raise UnreadableError(f"{entry.name} has NaN or infinite values.")
            yield mono if resampler is None else resampler.resample_chunk(np.ascontiguousarray(mono), last=last)
            if last:
                return


def _decoder(file: IO[bytes], name: str, soundfile: Any) -> Any:
    """The opened recording."""
    try:
        content = file if isinstance(file, io.BufferedReader) else io.BytesIO(file.read())  # a zip's can't seek quickly
        recording = soundfile.SoundFile(content)
    except (RuntimeError, TypeError, ValueError, OSError) as error:
        raise _damaged(name, error) from error
    if not RATES[0] <= recording.samplerate <= RATES[1]:
        recording.close()
        raise UnreadableError(
            f"{name} is damaged: its rate is {recording.samplerate} Hz, expected {RATES[0]} to {RATES[1]}."
        )
    return recording


def _damaged(name: str, error: Exception) -> UnreadableError:
    said = str(error).rpartition(": ")[2].rstrip(".")[:80]
    return UnreadableError(f"{name} can't be read as sound ({said}). Write it again, such as .wav.")


def _stacked(items: list[np.ndarray]) -> np.ndarray:
    """The samples as one array; the list is emptied meanwhile, so that they aren't in memory twice."""
    if not items:
        return np.empty((0, 0), np.float32)
    values = np.empty((len(items), *items[0].shape), np.float32)
    items.reverse()
    for place in range(len(values)):
        values[place] = items.pop()
    return values


def _raw(values: np.ndarray, windows: Windows, sound: Sound, few: bool) -> Raw:
    groups = stretches(windows.groups) if few and len(windows.groups) else windows.groups
    return Raw(
        values,
        windows.labels,
        names=tuple(windows.names),
        kind=sound.layout,
        channels_first=True,
        groups=groups if len(groups) else None,
        medium=sound,
    )
