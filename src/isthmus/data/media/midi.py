"""MIDI files: their notes and time signatures, read and written."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

QUARTER = 480
"""Ticks in a quarter note of the files that are written."""
DRUMS = 9
"""The channel of drums, counted from 0."""
VELOCITY = 80
_CHANNEL_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_NAME, _END, _TEMPO, _SIGNATURE = 0x03, 0x2F, 0x51, 0x58

Note = tuple[int, int, int]
"""Start and duration in ticks, and the pitch, 0 to 127."""
Signature = tuple[int, int, int]
"""The tick from which it holds, and the time signature."""


class MidiError(ValueError):
    """The bytes aren't a MIDI file."""


@dataclass(frozen=True)
class Track:
    """The notes of one channel of a track, in the order of their ends."""

    name: str
    notes: list[Note] = field(default_factory=list)
    drums: bool = False


@dataclass(frozen=True)
class Midi:
    """A MIDI file. quarter: ticks in a quarter note. signatures: in order of their ticks."""

    tracks: list[Track]
    quarter: int
    signatures: list[Signature] = field(default_factory=list)


def read_midi(content: bytes) -> Midi:
    """The notes of a file. Notes without an end last until the track's end; tempi and loudness are left out.

    Raises:
        MidiError: the file is damaged, or its time is in frames of film.

    Source: MIDI Manufacturers Association, Standard MIDI files 1.0 (1996).
    """
    if content[:4] != b"MThd" or len(content) < 14 or int.from_bytes(content[4:8]) < 6:
        raise MidiError("it doesn't begin with MThd and a header of 6 bytes")
    quarter = int.from_bytes(content[12:14])
    if not 0 < quarter < 0x8000:
        raise MidiError("its time is not in parts of a quarter note")
    place, tracks, signatures, found = 8 + int.from_bytes(content[4:8]), [], [], False
    while place + 8 <= len(content):
        kind, length = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8])
        place += 8
        if place + length > len(content):
            raise MidiError(f"a part of {length} bytes is cut off after {len(content) - place}")
        if kind == b"MTrk":
            tracks += _track(_Bytes(content[place : place + length]), signatures)
        place += length
        found = found or kind == b"MTrk"
    if not found:
        raise MidiError("it has no track")
    return Midi(tracks, quarter, sorted(signatures))


def write_midi(
    tracks: Sequence[tuple[str, Sequence[Note]]], signatures: Iterable[Signature] = (), tempo: float = 120.0
) -> bytes:
    """A file with a track for each (name, notes), `QUARTER` ticks in a quarter note; tempo: quarter notes a minute."""
    microseconds = max(1, min(2**24 - 1, round(60e6 / tempo)))
    head = [(0, bytes((0xFF, _TEMPO, 3)) + microseconds.to_bytes(3))]
    for tick, count, unit in signatures:
        head.append((tick, bytes((0xFF, _SIGNATURE, 4, count, unit.bit_length() - 1, 24, 8))))
    chunks = [_chunk(head)]
    for number, (name, notes) in enumerate(tracks):
        channel = number % 15 + (number % 15 >= DRUMS)
        title = name.encode()[:127]
        # at one tick, notes end before others start
        events = [(start + length, 0, bytes((0x80 | channel, pitch, 0))) for start, length, pitch in notes]
        events += [(start, 1, bytes((0x90 | channel, pitch, VELOCITY))) for start, _, pitch in notes]
        named = [(0, bytes((0xFF, _NAME, len(title))) + title)]
        chunks.append(_chunk([*named, *((tick, event) for tick, _, event in sorted(events))]))
    header = (1).to_bytes(2) + len(chunks).to_bytes(2) + QUARTER.to_bytes(2)
    return b"MThd" + (6).to_bytes(4) + header + b"".join(chunks)


class _Bytes:
    """Bytes that are read from the start on."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        found = self.content[self.place : self.place + count]
        if len(found) < count:
            raise MidiError("a track is cut off")
        self.place += count
        return found

    def number(self) -> int:
        """The next number, of seven bits a byte."""
        number = 0
        for _ in range(4):
            byte = self.take(1)[0]
            number = number << 7 | byte & 0x7F
            if byte < 0x80:
                return number
        raise MidiError("a number has more than 28 bits")


def _track(content: _Bytes, signatures: list[Signature]) -> Iterator[Track]:
    """The channels of a track that have notes; its time signatures are added."""
    name, tick = "", 0
    sounding: dict[tuple[int, int], deque[int]] = defaultdict(deque)
    notes: dict[int, list[Note]] = defaultdict(list)
    for tick, status, data in _events(content):
        if status == 0xFF and data[0] == _NAME and not name:
            name = data[1:].decode("utf-8", errors="replace")
        elif status == 0xFF and data[0] == _SIGNATURE and len(data) > 2 and data[1] and data[2] < 8:
            signatures.append((tick, data[1], 2 ** data[2]))
        elif status & 0xF0 in (0x80, 0x90):
            key = (status & 0x0F, data[0])
            if status & 0xF0 == 0x90 and data[1]:
                sounding[key].append(tick)
            elif sounding[key]:
                start = sounding[key].popleft()
                notes[key[0]].append((start, tick - start, data[0]))
    for (channel, pitch), starts in sounding.items():
        notes[channel] += [(start, tick - start, pitch) for start in starts]
    for channel, found in sorted(notes.items()):
        called = name if len(notes) == 1 else f"{name} {channel + 1}".strip()
        yield Track(called, found, channel == DRUMS)


def _events(content: _Bytes) -> Iterator[tuple[int, int, bytes]]:
    """(tick, status, data) of each event; of a meta event, the data begin with its type."""
    tick = status = 0
    while content.place < len(content.content):
        tick += content.number()
        first = content.take(1)[0]
        if first in (0xF0, 0xF7):
            content.take(content.number())
        elif first == 0xFF:
            kind = content.take(1)
            yield tick, first, kind + content.take(content.number())
            if kind[0] == _END:
                return
        else:
            if first >= 0x80:
                status = first
            else:  # the status of the event before still holds
                content.place -= 1
            if status & 0xF0 not in _CHANNEL_BYTES:
                raise MidiError(f"a track has an event of the unknown kind {first:#04x}")
            data = content.take(_CHANNEL_BYTES[status & 0xF0])
            if max(data) > 0x7F:
                raise MidiError("a track has a number above 127")
            yield tick, status, data


def _chunk(events: Sequence[tuple[int, bytes]]) -> bytes:
    """A track of events in order of their ticks, and its end."""
    content, before = bytearray(), 0
    for tick, event in [*events, (events[-1][0], bytes((0xFF, _END, 0)))]:
        content += _number(tick - before) + event
        before = tick
    return b"MTrk" + len(content).to_bytes(4) + bytes(content)


def _number(number: int) -> bytes:
    """A whole number in seven bits a byte."""
    found = [number & 0x7F]
    while number := number >> 7:
        found.append(0x80 | number & 0x7F)
    return bytes(reversed(found))
