"""MIDI: what is written is read again, also by other programs; damaged files are an error, never worse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.media.midi import MidiError, read_midi, write_midi

NOTES = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(1, 500), st.integers(0, 127)),
    max_size=20,
    unique_by=lambda note: note[2],  # of notes of one pitch that overlap, MIDI doesn't say which one ends
)
SONG = write_midi([("one", [(0, 480, 60), (480, 480, 60)]), ("two", [(240, 100, 64)])], [(0, 3, 4), (1440, 6, 8)], 90)


@given(st.lists(NOTES, max_size=12))
def test_notes_are_read_as_they_were_written(tracks):
    read = read_midi(write_midi([(f"track {number}", notes) for number, notes in enumerate(tracks)]))
    written = [(f"track {number}", sorted(notes)) for number, notes in enumerate(tracks) if notes]
    assert [(track.name, sorted(track.notes)) for track in read.tracks] == written
    assert not any(track.drums for track in read.tracks)


def test_time_signatures_are_kept():
    assert read_midi(SONG).signatures == [(0, 3, 4), (1440, 6, 8)]


def test_another_program_reads_the_same_notes():
    symusic = pytest.importorskip("symusic")
    score = symusic.Score.from_midi(SONG)
    found = [[(note.time, note.duration, note.pitch) for note in track.notes] for track in score.tracks]
    assert found == [[(0, 480, 60), (480, 480, 60)], [(240, 100, 64)]]
    assert round(score.tempos[0].qpm) == 90
    again = read_midi(score.dumps_midi())
    assert [sorted(track.notes) for track in again.tracks] == found


def track(*events: int) -> bytes:
    """A file of one track, with four ticks in a quarter note."""
    head = b"MThd" + bytes((0, 0, 0, 6, 0, 0, 0, 1, 0, 4))
    return head + b"MTrk" + len(events).to_bytes(4) + bytes(events)


def test_running_status_and_notes_without_an_end_are_understood():
    content = track(0, 0x90, 60, 80, 4, 60, 0, 0, 0x91, 62, 80, 8, 0xFF, 0x2F, 0)
    assert [one.notes for one in read_midi(content).tracks] == [[(0, 4, 60)], [(4, 8, 62)]]


def test_the_tenth_channel_has_drums():
    assert read_midi(track(0, 0x99, 36, 80, 4, 0x89, 36, 0)).tracks[0].drums


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"These are words, not notes.",
        SONG[:20],
        SONG[:-9],
        track(0, 60, 80),
        track(0, 0x90, 200, 80),
        track(0xFF, 0xFF, 0xFF, 0xFF, 0xFF),
        SONG[:12] + b"\xe7\x28" + SONG[14:],
        SONG[:12] + b"\0\0" + SONG[14:],
    ],
)
def test_damaged_files_are_an_error(content):
    with pytest.raises(MidiError):
        read_midi(content)


@given(st.lists(st.tuples(st.integers(0, len(SONG) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_changed_bytes_are_an_error_at_worst(changes):
    content = bytearray(SONG)
    for place, byte in changes:
        content[place] = byte
    try:
        read = read_midi(bytes(content))
    except MidiError:
        return
    assert all(0 <= pitch <= 127 and length >= 0 for track in read.tracks for _, length, pitch in track.notes)
