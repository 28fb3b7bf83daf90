import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from isthmus.data.media import Medium, Melody, Roll
from isthmus.data.media.midi import read_midi
from isthmus.data.media.synthesis import VARIABLE
from isthmus.errors import DataError

MELODY = Melody(bars=1)
ROLL = Roll(bars=1, low=60, high=67)
ROWS = st.lists(
    st.tuples(st.integers(0, MELODY.length - 1), st.integers(1, MELODY.length), st.integers(60, 67)), max_size=12
)


def as_notes(rows) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, 3)


@given(ROWS)
def test_a_melody_of_notes_is_the_same_melody_again(rows):
    row = MELODY.encode(as_notes(rows))
    assert np.array_equal(MELODY.encode(MELODY.decode(row)), row)


@given(ROWS)
def test_a_roll_of_notes_is_the_same_roll_again(rows):
    roll = ROLL.encode(as_notes(rows))
    assert np.array_equal(ROLL.encode(ROLL.decode(roll)), roll)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(0, 127)), max_size=4))
def test_notes_of_one_voice_come_back_exactly(lengths):
    notes, place = [], 0
    for length, silence, pitch in lengths:
        notes.append((place, length, pitch))
        place += length + silence
    kept = as_notes([(start, min(length, 16 - start), pitch) for start, length, pitch in notes if start < 16])
    assert np.array_equal(MELODY.decode(MELODY.encode(kept)), kept)
    roll = Roll(bars=1, low=0, high=127)
    assert np.array_equal(roll.decode(roll.encode(kept)), kept)


@pytest.mark.parametrize("medium", [MELODY, ROLL])
def test_repeated_notes_stay_apart(medium):
    notes = as_notes([(0, 4, 60), (4, 4, 60)])
    assert medium.decode(medium.encode(notes)).tolist() == notes.tolist()


def test_the_words_of_notes_are_their_names():
    notes = as_notes([(0, 4, 60), (4, 2, 61), (8, 8, 67)])
    assert MELODY.words(MELODY.encode(notes)[None]) == ["C4 . . . C#4 . - . G4 . . . . . . ."]
    chord = as_notes([(0, 8, 60), (0, 8, 64)])
    assert ROLL.words(ROLL.encode(chord)[None]) == ["C4+E4 . . . . . . . - . . . . . . ."]


def test_a_melody_stops_at_its_end_and_skips_unknown_tokens():
    row = MELODY.encode(as_notes([(0, 4, 60), (8, 4, 62)]))
    row[2], row[6] = 1, 0
    assert MELODY.decode(row).tolist() == [[0, 4, 60]]


def test_a_generated_roll_is_rounded():
    roll = ROLL.encode(as_notes([(0, 4, 60)]))
    assert ROLL.decode(roll * 0.6 + 0.1).tolist() == [[0, 4, 60]]


@pytest.mark.parametrize("medium", [Melody(signature=(6, 8), bars=3), ROLL])
def test_a_medium_of_notes_is_saved_as_json(medium):
    assert Medium.from_json(medium.to_json()) == medium


def test_a_bar_is_a_whole_number_of_steps():
    assert Melody(signature=(6, 8)).bar == 12
    with pytest.raises(ValidationError, match="no whole number of grid steps"):
        Melody(signature=(3, 32))


def test_notes_outside_of_midi_are_an_error():
    with pytest.raises(DataError, match="MIDI pitches"):
        MELODY.encode(as_notes([(0, 4, 128)]))


def test_midi_holds_the_notes_in_their_beats():
    notes = as_notes([(0, 4, 60), (6, 2, 62)])
    midi = read_midi(MELODY.file(MELODY.encode(notes), ".mid"))
    assert midi.tracks[0].notes == [(0, 480, 60), (720, 240, 62)]
    assert midi.signatures == [(0, 4, 4)]


def test_sound_without_a_soundfont_is_made_of_sines(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    content = MELODY.file(MELODY.encode(as_notes([(0, 16, 69)])), ".wav")
    with wave.open(io.BytesIO(content)) as file:
        rate = file.getframerate()
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(sound) / rate == pytest.approx(2.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(sound[:rate]))
    assert abs(int(spectrum.argmax()) - 440) <= 1


@pytest.mark.parametrize("font", ["", __file__])
def test_silence_is_a_sound_too(monkeypatch, font):
    monkeypatch.setenv(VARIABLE, font)
    with wave.open(io.BytesIO(MELODY.file(MELODY.encode(as_notes([])), ".wav"))) as file:
        assert not any(file.readframes(file.getnframes()))


def test_a_missing_soundfont_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none.sf2"))
    with pytest.raises(DataError, match=r"none\.sf2 is not a file"):
        MELODY.file(MELODY.encode(as_notes([(0, 4, 60)])), ".wav")


def test_a_damaged_soundfont_is_named(monkeypatch, tmp_path):
    pytest.importorskip("symusic")
    (tmp_path / "bad.sf2").write_bytes(b"no font")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "bad.sf2"))
    with pytest.raises(DataError, match=r"bad\.sf2 is not a SoundFont"):
        MELODY.file(MELODY.encode(as_notes([(0, 4, 60)])), ".wav")
