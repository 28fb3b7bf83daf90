"""Music: from files of notes to melodies or piano rolls of a few bars."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import floor
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.entries import Entry, UnreadableError
from isthmus.data.folders import collected
from isthmus.data.media import Medium, Melody, Roll
from isthmus.data.media.notes import Notes
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.scores import SUFFIXES, Note, Score, Signature, midi_of, read_score, single_pieces
from isthmus.data.windows import Window, Windows, windows_of
from isthmus.errors import DataError, nearest, remark
from isthmus.storage.files import unwritable
from isthmus.storage.replacing import put_folder
from isthmus.storage.temporary import name_beside

USUAL_BARS = 2
FEWEST_NOTES = 2
"""In a sample; windows with fewer are left out."""
STRETCHES = 20
"""Of a single piece, each of which stays in one part of the data."""
NOTES = "files of notes"


@dataclass(frozen=True)
class _Cut:
    """A few bars that aren't encoded yet: their time signature, and the notes (n, 3) in grid steps."""

    signature: Signature
    notes: np.ndarray


def read_files(entries: Sequence[Entry], options: Options, where: str, medium: Medium | None) -> Raw:
    """Melodies or piano rolls of `options.window` bars from files of notes.

    Windows of one piece have one group; a single piece is divided into stretches.

    A melody is one voice: each track or part on its own, of which the highest note is kept where several sound. A roll
    has all voices. The grid has sixteenths of the beat, so tempi don't matter. All samples have bars of one length:
    the most frequent one, or that of the model.

    medium: of a model that the notes are for.

    Raises:
        DataError: no file has notes, or the model wasn't trained on notes.
    """
    made = _like(options, where, medium)
    step = _bars(options.length("step", "bars") or made.bars, "step")
    found = windows_of(single_pieces(entries), where, lambda entry: _windows(entry, made, step, options.columns), NOTES)
    if medium is None:
        made = _settled(made, found["train"])
    encoded = {part: _raw(windows, made) for part, windows in found.items()}
    _say_left_out(found, encoded, made, where)
    train = encoded.pop("train")
    return replace(train, parts=encoded)


def to_midi(source: str | Path, folder: str | Path) -> Path:
    """Convert all scores of a folder, a zip or a file to MIDI files in a new folder, and return it.

        to_midi("corpus/bach", "chorales")

    MusicXML, ABC and Humdrum are read by music21, at 20 to 200 milliseconds a piece, whenever the data are opened.
    MIDI is read a hundred times as fast. A file of several pieces becomes several files; one without notes is named in
    a remark and left out.

    Raises:
        DataError: no file has notes, or the folder exists.
    """
    source, folder = Path(source).expanduser(), Path(folder).expanduser()
    if folder.exists():
        raise DataError(f"{folder} exists already: expected the name of a new folder.")
    with collected(source, Options(), SUFFIXES) as entries:
        read = windows_of(single_pieces(entries), str(source), lambda entry: [(midi_of(read_score(entry)), "")], NOTES)
    ready = name_beside(folder)
    try:
        for windows in read.values():
            for name, content in zip(windows.names, windows.items, strict=True):
                path = ready / f"{name}.mid"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        put_folder(ready, folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(ready, ignore_errors=True)
    return folder


def _like(options: Options, where: str, medium: Medium | None) -> Notes:
    """The medium to read: the model's, or one by the options."""
    if isinstance(medium, Notes):
        return medium
    if medium is not None:
        raise DataError(f"{where} has notes, but the model was trained on {medium.kind}. Give it {medium.kind}.")
    return (Roll if options.kind == "roll" else Melody)(
        bars=_bars(options.length("window", "bars") or USUAL_BARS, "window")
    )


def _bars(given: float, name: str) -> int:
    if given != int(given) or given < 1:
        raise DataError(f"{name}={given:g}: expected whole bars of music, such as {name}=2.")
    return int(given)


def _windows(entry: Entry, medium: Notes, step: int, voices: Sequence[str]) -> list[Window]:
    """All windows of one file, each with its own time signature."""
    score = _chosen(read_score(entry), voices, entry.name)
    lines = {name: _on_grid(notes, medium.steps) for name, notes in score.voices}
    if isinstance(medium, Roll):
        lines = {"": np.concatenate(list(lines.values()))}
    else:
        lines = {name: _highest(notes) for name, notes in lines.items()}
    alone = len(lines) == 1
    found = [
        (cut, f"bar {number}" if alone else f"bar {number} {name}")
        for name, notes in lines.items()
        for number, cut in _cuts(notes, score.signatures, medium, step)
    ]
    if not found:
        raise UnreadableError(
            f"{entry.name} has no {medium.bars} bars with {FEWEST_NOTES} notes or more. Set a longer window=."
        )
    return found


def _chosen(score: Score, names: Sequence[str], called: str) -> Score:
    """The voices with these names; all if there are none."""
    if not names:
        return score
    wanted = {name.casefold() for name in names}
    kept = [voice for voice in score.voices if voice[0] in wanted]
    if not kept:
        hint = nearest(names[0].casefold(), [name for name, _ in score.voices])
        raise UnreadableError(f"{called} has no voice {names[0]!r}. {hint}")
    return replace(score, voices=kept)


def _on_grid(notes: Sequence[Note], steps: int) -> np.ndarray:
    """(n, 3) notes in grid steps, each at least one step long, in order of their starts and pitches."""
    rows = np.array(notes, np.float64).reshape(-1, 3)
    starts, ends = np.floor(rows[:, :1] * steps + 0.5), np.floor((rows[:, :1] + rows[:, 1:2]) * steps + 0.5)
    found = np.hstack([starts, np.maximum(1, ends - starts), rows[:, 2:]]).astype(np.int64)
    return found[np.lexsort((found[:, 2], found[:, 0]))]


def _highest(notes: np.ndarray) -> np.ndarray:
    """The highest notes (n, 3): a lower one that starts while a higher one sounds is left out.

    Notes that overlap by a step, as they do in played music, follow each other.
    """
    kept: list[list[int]] = []
    for start, length, pitch in sorted(notes.tolist(), key=lambda note: (note[0], -note[2])):
        if kept:
            before, lasts, above = kept[-1]
            if start == before or (before + lasts > start + 1 and above > pitch):
                continue
            kept[-1][1] = min(lasts, start - before)
        kept.append([start, length, pitch])
    return np.array(kept, np.int64).reshape(-1, 3)


def _cuts(
    notes: np.ndarray, signatures: Sequence[tuple[float, Signature]], medium: Notes, step: int
) -> Iterator[tuple[int, _Cut]]:
    """The windows of a line of notes that have enough of them, with the numbers of their first bars.

    Bars are counted from 1; an upbeat is bar 0.
    """
    last = int((notes[:, 0] + notes[:, 1]).max(initial=0))
    number = 0 if signatures[0][0] < 0 else 1
    stops = [floor(start * medium.steps + 0.5) for start, _ in signatures[1:]] + [last]
    for (begin, signature), stop in zip(signatures, stops, strict=True):
        start = floor(begin * medium.steps + 0.5)
        bar, odd = divmod(4 * signature[0] * medium.steps, signature[1])
        bars = -(-(stop - start) // bar) if not odd else 0
        inside = notes[(notes[:, 0] >= start) & (notes[:, 0] < stop), 0]
        places = np.unique((inside - start) // bar) if bars > 0 else np.empty(0, np.int64)
        firsts = {place - back for place in places.tolist() for back in range(medium.bars)}
        for first in sorted(firsts):
            if first < 0 or first % step or (first and first + medium.bars > bars):
                continue
            cut = _between(notes, start + first * bar, min(stop, start + (first + medium.bars) * bar))
            if len(cut) >= FEWEST_NOTES:
                yield number + first, _Cut(signature, cut)
        number += max(0, bars)


def _between(notes: np.ndarray, start: int, end: int) -> np.ndarray:
    """The notes that sound from one grid step to another, cut there, counted from the start."""
    ends = np.minimum(notes[:, 0] + notes[:, 1], end)
    starts = np.maximum(notes[:, 0], start)
    cut = np.stack([starts - start, ends - starts, notes[:, 2]], 1)
    return cut[ends > starts]


def _settled(medium: Notes, windows: Windows) -> Notes:
    """The medium with the most frequent time signature, and for rolls with the lowest and highest pitch."""
    lengths = Counter(_length(cut.signature, medium) for cut in windows.items)
    most = lengths.most_common(1)[0][0]
    kept = [cut for cut in windows.items if _length(cut.signature, medium) == most]
    changes: dict[str, Any] = {"signature": Counter(cut.signature for cut in kept).most_common(1)[0][0]}
    if isinstance(medium, Roll):
        pitches = np.concatenate([cut.notes[:, 2] for cut in kept])
        changes |= {"low": int(pitches.min()), "high": int(pitches.max())}
    return medium.model_copy(update=changes)


def _length(signature: Signature, medium: Notes) -> int:
    """Grid steps in a bar."""
    return 4 * signature[0] * medium.steps // signature[1]


def _raw(windows: Windows, medium: Notes) -> Raw:
    """The windows with the medium's bars, encoded."""
    kept = [row for row, cut in enumerate(windows.items) if _length(cut.signature, medium) == medium.bar]
    groups = windows.groups[kept]
    if kept and (groups == groups[0]).all():  # one piece: its stretches are divided among the parts
        groups = np.arange(len(kept)) * STRETCHES // len(kept)
    empty = medium.encode(np.empty((0, 3), np.int64))
    values = np.stack([medium.encode(windows.items[row].notes) for row in kept]) if kept else empty[None][:0]
    return Raw(
        values,
        None if windows.labels is None else [windows.labels[row] for row in kept],
        names=tuple(windows.names[row] for row in kept),
        kind=medium.layout,
        channels_first=True,
        groups=groups,
        medium=medium,
    )


def _say_left_out(found: dict[str, Windows], encoded: dict[str, Raw], medium: Notes, where: str) -> None:
    """Remark on windows with other bars, and on notes outside a roll.

    Raises:
        DataError: nothing is left.
    """
    count = sum(len(windows.items) for windows in found.values())
    left = count - sum(len(raw.values) for raw in encoded.values())
    called = "{}/{}".format(*medium.signature)
    if not len(encoded["train"].values):
        raise DataError(f"{where} has no samples with bars as long as {called}, as the model expects.")
    if left:
        remark(f"{where}: {left} of {count} samples have bars of another length than {called} and are left out.")
    if isinstance(medium, Roll):
        pitches = np.concatenate([cut.notes[:, 2] for windows in found.values() for cut in windows.items])
        outside = int(((pitches < medium.low) | (pitches > medium.high)).sum())
        if outside:
            remark(f"{where}: {outside} notes are outside the roll's pitches {medium.low} to {medium.high}.")
