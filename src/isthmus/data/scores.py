"""Scores: the notes of one piece of music from MIDI, MusicXML, ABC, Humdrum or JSON."""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any

from isthmus.data.entries import Entry, UnreadableError
from isthmus.data.media.midi import QUARTER, MidiError, read_midi, write_midi
from isthmus.data.part_names import parts_among
from isthmus.extras import needs

MIDI, ABC, JSON = (".mid", ".midi"), ".abc", ".json"
NOTATION = {".musicxml": "musicxml", ".mxl": "musicxml", ".xml": "musicxml", ABC: "abc", ".krn": "humdrum"}
"""Formats that music21 reads, by its names."""
SUFFIXES = (*MIDI, *NOTATION, JSON)
LARGEST = 2**26
"""The most bytes of a file of notes, unpacked."""
PIECE = re.compile(r"#\d+$")
"""At the end of the name of one piece in a file of several."""
SILENT = -1
"""In JSON, a voice that is silent."""
SIXTEENTH = 0.25

Note = tuple[float, float, int]
"""Start and duration in quarter notes, and the MIDI pitch."""
Signature = tuple[int, int]


@dataclass(frozen=True)
class Score:
    """A piece of music.

    voices: the notes of each voice, by its name. signatures: (start of its first bar in quarter notes, time signature);
    the first may start before 0, if the piece has an upbeat.
    """

    voices: list[tuple[str, list[Note]]]
    signatures: list[tuple[float, Signature]]


def read_score(entry: Entry) -> Score:
    """The notes of a file, without drums.

    Raises:
        UnreadableError: the file is damaged, has another format, or has no notes.
        MissingPackageError: the format needs the extra `music`.
    """
    with entry.open() as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise UnreadableError(f"{entry.name} has more than {LARGEST} bytes: expected a file of notes.")
    if not content.strip():
        raise UnreadableError(f"{entry.name} is empty.")
    suffix = _suffix(entry.name)
    if suffix in MIDI:
        score = _midi(content, entry.name)
    elif suffix == JSON:
        score = _grid(_json(content, entry.name), entry.name)
    else:
        score = _notation(content, NOTATION[suffix], entry.name)
    if not any(notes for _, notes in score.voices):
        raise UnreadableError(f"{entry.name} has no notes.")
    return score


def single_pieces(entries: Sequence[Entry]) -> list[Entry]:
    """The same files, those of several pieces (ABC, JSON) as one entry each, named "file.abc#12".

    A single JSON file with an object of lists, such as {"train": […], "test": […]}, becomes folders of its parts.
    """
    found = []
    for entry in entries:
        suffix = _suffix(entry.name)
        try:
            if suffix == JSON:
                found += _pieces_of_json(entry, alone=len(entries) == 1)
            elif suffix == ABC:
                found += _tunes(entry)
            else:
                found.append(entry)
        except UnreadableError:  # it is reported when it is read
            found.append(entry)
    return found


def midi_of(score: Score) -> bytes:
    """A MIDI file of a score, with a track for each voice; the time of an upbeat is filled with silence."""
    first = min(0.0, score.signatures[0][0])
    signatures = [(round((start - first) * QUARTER), *signature) for start, signature in score.signatures]
    tracks = []
    for name, notes in score.voices:
        ticks = [[round((at - first) * QUARTER) for at in (start, start + length)] for start, length, _ in notes]
        tracks.append((name, [(t[0], t[1] - t[0], note[2]) for t, note in zip(ticks, notes, strict=True)]))
    return write_midi(tracks, signatures)


def _suffix(name: str) -> str:
    return PurePosixPath(PIECE.sub("", name)).suffix.lower()


def _in_memory(content: bytes) -> IO[bytes]:
    return io.BytesIO(content)


def _midi(content: bytes, name: str) -> Score:
    try:
        read = read_midi(content)
    except MidiError as error:
        raise UnreadableError(f"{name} is damaged or not MIDI: {error}.") from error
    pitched = [track for track in read.tracks if not track.drums]
    if read.tracks and not pitched:
        raise UnreadableError(f"{name} has only drums: expected notes with a pitch.")
    quarter = read.quarter
    voices = [
        (track.name, [(start / quarter, length / quarter, pitch) for start, length, pitch in track.notes])
        for track in pitched
    ]
    changes: dict[float, Signature] = {tick / quarter: (count, unit) for tick, count, unit in read.signatures}
    return Score(_named(voices), sorted({0.0: (4, 4), **changes}.items()))


def _notation(content: bytes, form: str, name: str) -> Score:
    """The notes of a score by music21; repeats are not played out."""
    converter = needs("music21.converter", "music", f"Reading {PurePosixPath(name).suffix}")
    text = _decoded(_unzipped(content, name) if content.startswith(b"PK") else content)
    try:
        read = converter.parseData(text, format=form)
        read = next(iter(read.scores), None) if "Opus" in read.classes else read
        parts = [] if read is None else list(read.parts) or [read]
        voices = [(part.partName or "", list(_notes(part))) for part in parts]
        signatures = _signatures(parts[0]) if parts else []
    except Exception as error:  # music21 lets errors of every type through
        said = " ".join(str(error).split())[:80]
        raise UnreadableError(f"{name} is damaged or not {form} ({type(error).__name__}: {said}).") from error
    return Score(_named([voice for voice in voices if voice[1]]), signatures or [(0.0, (4, 4))])


def _notes(part: Any) -> Iterator[Note]:
    """The notes of a music21 part in order, tied ones joined."""
    tied: dict[int, Note] = {}
    for measure in list(part.getElementsByClass("Measure")) or [part]:
        for voice in list(measure.voices) or [measure]:
            before = measure.offset if measure is not part else 0
            before = before + voice.offset if voice is not measure else before
            for element in voice.notes:
                if "Harmony" in element.classes or not element.quarterLength:
                    continue  # chord symbols and grace notes
                for note in element.notes if "Chord" in element.classes else (element,):
                    if "Note" not in note.classes:
                        continue  # unpitched percussion
                    start, pitch, tie = float(before + element.offset), int(note.pitch.midi), note.tie
                    if tie is not None and tie.type in ("continue", "stop") and pitch in tied:
                        start = tied.pop(pitch)[0]
                    duration = float(before + element.offset + element.quarterLength) - start
                    if tie is not None and tie.type in ("start", "continue"):
                        tied[pitch] = (start, duration, pitch)
                    else:
                        yield start, duration, pitch
    yield from tied.values()  # whose ends are missing


def _signatures(part: Any) -> list[tuple[float, Signature]]:
    """The time signatures of a music21 part; the first bar of an upbeat starts before 0."""
    measures = list(part.getElementsByClass("Measure"))
    found: dict[float, Signature] = {}
    for measure in measures:
        if measure.timeSignature is not None:
            found[float(measure.offset)] = (measure.timeSignature.numerator, measure.timeSignature.denominator)
    if measures and measures[0].timeSignature is not None:
        whole, first = measures[0].timeSignature.barDuration.quarterLength, measures[0].duration.quarterLength
        if 0 < first < whole:
            found[float(first - whole)] = found.pop(float(measures[0].offset))
    return sorted(found.items())


def _unzipped(content: bytes, name: str) -> bytes:
    """The score in a compressed MusicXML file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            scores = [
                member
                for member in archive.infolist()
                if member.filename.lower().endswith((".xml", ".musicxml")) and "META-INF" not in member.filename
            ]
            if not scores or scores[0].file_size > LARGEST:
                raise UnreadableError(f"{name} is damaged: it has no score of at most {LARGEST} bytes.")
            return archive.read(scores[0])
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:
        raise UnreadableError(f"{name} is damaged ({error}).") from error


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _tunes(entry: Entry) -> list[Entry]:
    """The tunes of an ABC file, each of which starts with its number, X:."""
    with entry.open() as file:
        text = _decoded(file.read(LARGEST))
    _, *tunes = re.split(r"(?m)^(?=X:)", text)
    if len(tunes) < 2:
        return [entry]
    return [
        Entry(f"{entry.name}#{number}", partial(_in_memory, tune.encode()))
        for number, tune in enumerate(tunes, start=1)
    ]


def _json(content: bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{name} is damaged or not JSON ({str(error)[:60]}).") from error


def _pieces_of_json(entry: Entry, *, alone: bool) -> list[Entry]:
    """The pieces in a JSON file: lists of steps, in a list, or in lists by name."""
    with entry.open() as file:
        given = _json(file.read(LARGEST), entry.name)
    if _is_piece(given):
        return [entry]
    by_part = given if isinstance(given, dict) else {"": given}
    if not all(isinstance(pieces, list) for pieces in by_part.values()):
        raise UnreadableError(_wrong_grid(entry.name))
    divided = alone and isinstance(given, dict) and parts_among(by_part).keys() == by_part.keys()
    found: list[Entry] = []
    for part, pieces in by_part.items():
        folder, before = (f"{part}/", 0) if divided else ("", len(found))
        found += [
            Entry(f"{folder}{entry.name}#{before + number}", partial(_in_memory, json.dumps(piece).encode()))
            for number, piece in enumerate(pieces, start=1)
        ]
    return found


def _is_piece(given: Any) -> bool:
    """Whether this is one piece: steps, each a list of whole numbers."""
    first = given[0] if isinstance(given, list) and given else None
    return isinstance(first, list) and all(isinstance(pitch, int) for pitch in first)


def _grid(given: Any, name: str) -> Score:
    """A piece from its pitches in each sixteenth, a voice each; equal ones in succession are one note."""
    if not isinstance(given, list) or not all(
        isinstance(step, list) and all(isinstance(p, int) and SILENT <= p <= 127 for p in step) for step in given
    ):
        raise UnreadableError(_wrong_grid(name))
    voices = []
    for voice in range(max(map(len, given), default=0)):
        line = [step[voice] if voice < len(step) else SILENT for step in given]
        starts = [place for place, pitch in enumerate(line) if not place or pitch != line[place - 1]]
        ends = [*starts[1:], len(line)]
        notes = [
            (start * SIXTEENTH, (end - start) * SIXTEENTH, line[start])
            for start, end in zip(starts, ends, strict=True)
            if line[start] != SILENT
        ]
        voices.append(("", notes))
    return Score(_named(voices), [(0.0, (4, 4))])


def _wrong_grid(name: str) -> str:
    return (
        f"{name} has no pitches: expected pieces, each a list of steps, each a list of MIDI pitches (-1 is silence), "
        'in a list or by part: {"train": […], "test": […]}.'
    )


def _named(voices: list[tuple[str, list[Note]]]) -> list[tuple[str, list[Note]]]:
    """The voices with different names, lower case, that can be part of a file's name."""
    taken: set[str] = set()
    named = []
    for number, (name, notes) in enumerate(voices, start=1):
        plain = re.sub(r"[^\w .-]+", " ", name).strip().casefold() or f"voice {number}"
        plain = plain if plain not in taken else f"{plain} {number}"
        taken.add(plain)
        named.append((plain, notes))
    return named
