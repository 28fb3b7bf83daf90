import itertools
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from isthmus.data import open_data, read_samples, write_samples
from isthmus.data.media import Melody, Roll
from isthmus.data.media.midi import write_midi
from isthmus.data.music import to_midi
from isthmus.errors import DataError, Remark

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]
TWO_BARS = "C4 . . . D4 . . . E4 . . . F4 . . . | G4 . . . A4 . . . B4 . . . C5 . . ."


def midi(
    path: Path, *tracks: Sequence[tuple[float, float, int]], signatures=((0, 4, 4),), tempi=(), drums=False, names=()
) -> Path:
    """A MIDI file of notes (start, duration, pitch) in quarter notes."""
    named = zip(names or [""] * len(tracks), tracks, strict=True)
    ticks = [(name, [(round(s * 480), round(d * 480), p) for s, d, p in notes]) for name, notes in named]
    content = write_midi(ticks, [(round(quarter * 480), *signature) for quarter, *signature in signatures])
    if drums:
        content = content.replace(bytes((0x90,)), bytes((0x99,))).replace(bytes((0x80,)), bytes((0x89,)))
    for tick, speed in tempi:  # each in a track of its own
        content += write_midi([], tempo=speed)[14:].replace(b"\0\xff\x51", bytes((tick, 0xFF, 0x51)))
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content)
    return path


def quarters(pitches, start: float = 0) -> list[tuple[float, float, int]]:
    return [(start + place, 1, pitch) for place, pitch in enumerate(pitches)]


def words(samples) -> list[str]:
    return samples.medium.words(samples.tensor())


def test_a_melody_is_cut_into_windows_of_two_bars(tmp_path):
    samples = read_samples(midi(tmp_path / "scale.mid", quarters(SCALE * 2)))
    assert samples.kind == "tokens"
    assert isinstance(samples.medium, Melody)
    assert words(samples) == [TWO_BARS, TWO_BARS]
    assert samples.names == ("scale.mid@bar 1", "scale.mid@bar 3")


def test_windows_can_overlap(tmp_path):
    samples = read_samples(midi(tmp_path / "a.mid", quarters(SCALE * 2)), window=1, step=1)
    assert samples.shape == (16,)
    assert len(samples) == 4
    assert len(read_samples(tmp_path / "a.mid", window=2, step=1)) == 3


def test_a_piece_that_is_shorter_than_a_window_is_one_sample(tmp_path):
    samples = read_samples(midi(tmp_path / "a.mid", quarters(SCALE[:3])), window=4)
    assert words(samples)[0].startswith("C4 . . . D4 . . . E4 . . . - . . .")


def test_a_note_that_sounds_over_the_bar_line_starts_again_in_its_window(tmp_path):
    notes = [(0, 1, 60), (2, 4, 62), (6, 1, 64)]
    samples = read_samples(midi(tmp_path / "a.mid", notes), window=1)
    assert words(samples)[1] == "D4 . . . . . . . E4 . . . - . . ."


def test_each_track_is_a_melody_of_its_highest_notes(tmp_path):
    chords = [(place, 1, pitch) for place in range(4) for pitch in (48, 55)]
    path = midi(tmp_path / "a.mid", quarters(SCALE[:4]), chords, names=("Flute", "Piano"))
    samples = read_samples(path, window=1)
    assert samples.names == ("a.mid@bar 1 flute", "a.mid@bar 1 piano")
    assert words(samples)[1] == "G3 . . . G3 . . . G3 . . . G3 . . ."
    assert read_samples(path, window=1, columns="flute").names == ("a.mid@bar 1",)


def test_an_unknown_voice_is_named_with_those_there_are(tmp_path):
    path = midi(tmp_path / "a.mid", quarters(SCALE), quarters(SCALE), names=("flute", "piano"))
    with pytest.raises(DataError, match=r"no voice 'flut'.*'flute'"):
        read_samples(path, columns="flut")


def test_played_notes_that_overlap_a_little_follow_each_other(tmp_path):
    played = [(start + 0.02, 1.2, pitch) for start, _, pitch in quarters(SCALE[::-1])]
    notes = words(read_samples(midi(tmp_path / "a.mid", played)))[0].replace(".", "").replace("|", "").split()
    assert notes == ["C5", "B4", "A4", "G4", "F4", "E4", "D4", "C4"]


def test_a_roll_holds_all_voices_and_its_pitches_are_those_of_the_data(tmp_path):
    path = midi(tmp_path / "a.mid", quarters(SCALE), quarters([48] * 8))
    samples = read_samples(path, kind="roll")
    assert isinstance(samples.medium, Roll)
    assert (samples.medium.low, samples.medium.high) == (48, 72)
    assert samples.shape == (50, 32)
    assert samples.kind == "series"
    assert words(samples)[0].startswith("C3+C4 . . . C3+D4 . . .")


def test_tempi_do_not_matter(tmp_path):
    plain = read_samples(midi(tmp_path / "a.mid", quarters(SCALE)))
    hurried = read_samples(midi(tmp_path / "b.mid", quarters(SCALE), tempi=((0, 60), (50, 200), (127, 90))))
    assert np.array_equal(plain.tensor(), hurried.tensor())


def test_the_most_frequent_length_of_a_bar_is_kept(tmp_path):
    midi(tmp_path / "set/a.mid", quarters(SCALE * 2))
    midi(tmp_path / "set/b.mid", quarters(SCALE[:6]), signatures=((0, 3, 4),))
    with pytest.warns(Remark, match="1 of 3 samples have bars of another length than 4/4"):
        samples = read_samples(tmp_path / "set")
    assert len(samples) == 2
    assert isinstance(samples.medium, Melody)
    assert samples.medium.signature == (4, 4)


def test_bars_start_again_where_the_time_signature_changes(tmp_path):
    path = midi(tmp_path / "a.mid", quarters([60] * 3 + SCALE * 2), signatures=((0, 3, 4), (3, 4, 4)))
    with pytest.warns(Remark, match="bars of another length"):
        samples = read_samples(path, window=1)
    assert samples.names[0] == "a.mid@bar 2"
    assert words(samples)[0] == TWO_BARS.split(" | ", maxsplit=1)[0]


def test_windows_with_fewer_than_two_notes_are_left_out(tmp_path):
    samples = read_samples(midi(tmp_path / "a.mid", [*quarters(SCALE), (8, 1, 60), *quarters(SCALE, 16)]))
    assert samples.names == ("a.mid@bar 1", "a.mid@bar 5")


def test_folders_are_labels_and_windows_of_a_piece_stay_together(tmp_path):
    for number in range(6):
        midi(tmp_path / f"set/{'major' if number % 2 else 'minor'}/{number}.mid", quarters(SCALE * 4))
    data = open_data(tmp_path / "set", validation=0.2, test=0.2)
    assert data.train.label_names == ("major", "minor")
    files = [{name.partition("@")[0] for name in part.names} for part in (data.train, data.validation, data.test)]
    assert sum(map(len, files)) == len(set.union(*files)) == 6


def test_a_zip_of_midi_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(midi(tmp_path / "a.mid", quarters(SCALE)), "a.mid")
    assert words(read_samples(tmp_path / "set.zip")) == [TWO_BARS]


@pytest.mark.parametrize("kind", ["melody", "roll"])
def test_samples_written_as_midi_are_read_again(tmp_path, kind):
    data = open_data(midi(tmp_path / "a.mid", quarters(SCALE * 3)), kind=kind, validation=0, test=0)
    for target in ("set", "set.zip"):
        path = write_samples(tmp_path / target, data.train.tensor(), like=data.description, names=data.train.names)
        again = read_samples(path, like=data.description)
        assert np.array_equal(again.tensor(), data.train.tensor())
    assert (tmp_path / "set/a@bar 3.mid").exists()


def test_a_model_reads_notes_as_it_learnt_them(tmp_path):
    data = open_data(midi(tmp_path / "a.mid", quarters(SCALE)), kind="roll", window=1, validation=0, test=0)
    high = midi(tmp_path / "b.mid", quarters([60, 62, 64, 100]))
    with pytest.warns(Remark, match="1 notes are outside"):
        samples = read_samples(high, like=data.description)
    assert samples.shape == data.train.shape


def test_a_model_of_other_bars_says_so(tmp_path):
    data = open_data(midi(tmp_path / "a.mid", quarters(SCALE)), validation=0, test=0)
    waltz = midi(tmp_path / "b.mid", quarters(SCALE), signatures=((0, 3, 4),))
    with pytest.raises(DataError, match="no samples with bars as long as 4/4"):
        read_samples(waltz, like=data.description)


def test_json_of_pitches_has_voices_and_parts(tmp_path):
    piece = [[72, 60]] * 4 + [[72, -1]] * 4 + [[74, 55]] * 24
    path = tmp_path / "grid.json"
    path.write_text(json.dumps({"train": [piece, piece], "valid": [piece], "test": [piece]}))
    data = open_data(path)
    assert (len(data.train), len(data.validation), len(data.test)) == (4, 2, 2)
    assert data.train.names[0] == "train/grid.json#1@bar 1 voice 1"
    assert data.train.medium is not None
    assert data.train.medium.words(data.train.tensor()[1:2])[0].startswith("C4 . . . - . . . G3")
    path.write_text(json.dumps([piece]))
    assert len(read_samples(path)) == 2
    path.write_text(json.dumps(piece))
    with pytest.warns(Remark, match="is read as notes.*kind='table'"):
        samples = read_samples(path)
    assert samples.names == ("grid.json@bar 1 voice 1", "grid.json@bar 1 voice 2")


@pytest.mark.parametrize("given", ['{"a": 1}', "[[[1.5]]]", '{"a": [["x"]]}', "[", "7"])
def test_json_of_other_things_is_named(tmp_path, given):
    (tmp_path / "a.json").write_text(given)
    with pytest.raises(DataError, match=r"a\.json.*(has no pitches|not JSON|no notes)"):
        read_samples(tmp_path / "a.json", kind="melody")


XML = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Soprano</part-name></score-part></part-list>
<part id="P1"><measure number="0" implicit="yes"><attributes><divisions>2</divisions><time><beats>4</beats>
<beat-type>4</beat-type></time></attributes><note><pitch><step>G</step><octave>4</octave></pitch><duration>2</duration>
</note></measure><measure number="1">
<note><pitch><step>C</step><octave>5</octave></pitch><duration>6</duration></note>
<note><pitch><step>D</step><alter>1</alter><octave>5</octave></pitch><duration>2</duration><tie type="start"/></note>
</measure><measure number="2"><note><pitch><step>D</step><alter>1</alter><octave>5</octave></pitch>
<duration>2</duration><tie type="stop"/></note><note><rest/><duration>2</duration></note>
<note><chord/><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration></note></measure></part>
</score-partwise>"""


def test_musicxml_keeps_its_upbeat_and_its_ties(tmp_path):
    pytest.importorskip("music21")
    (tmp_path / "a.musicxml").write_text(XML)
    with zipfile.ZipFile(tmp_path / "b.mxl", "w") as archive:
        archive.writestr("mimetype", "application/vnd.recordare.musicxml")
        archive.writestr("score.xml", XML)
    (tmp_path / "c.abc").write_text(
        "X:1\nT:one\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n\nX:2\nT:two\nM:4/4\nL:1/4\nK:C\ncBAG|\n"
    )
    samples = read_samples(tmp_path)
    found = dict(zip(samples.names, words(samples), strict=True))
    upbeat = "- . . . . . . . . . . . G4 . . . | C5 . . . . . . . . . . . D#5 . . ."
    assert found["a.musicxml@bar 0"] == found["b.mxl@bar 0"] == upbeat
    assert found["c.abc#1@bar 1"] == TWO_BARS
    assert found["c.abc#2@bar 1"].startswith("C5 . . . B4")


@pytest.mark.parametrize("name", ["a.musicxml", "a.mxl", "a.abc", "a.krn", "a.mid", "a.json"])
def test_a_file_of_something_else_is_an_error_of_one_line(tmp_path, name):
    pytest.importorskip("music21")
    (tmp_path / name).write_text("Dear reader, this is a letter.")
    with pytest.raises(DataError, match=r"can be read.*a\.\w+ (is damaged or not|has no notes)"):
        read_samples(tmp_path / name)


def test_unreadable_files_are_named_and_skipped(tmp_path):
    midi(tmp_path / "good.mid", quarters(SCALE))
    midi(tmp_path / "silent.mid", [])
    midi(tmp_path / "drums.mid", quarters([36] * 8), drums=True)
    (tmp_path / "cut.mid").write_bytes((tmp_path / "good.mid").read_bytes()[:40])
    (tmp_path / "text.mid").write_text("These are words.")
    (tmp_path / "empty.mid").write_bytes(b"")
    with pytest.warns(Remark, match="5 of 6 files of notes are left out") as told:
        samples = read_samples(tmp_path)
    assert samples.names == ("good.mid@bar 1",)
    assert "cut.mid is damaged or not MIDI" in str(told[0].message)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("silent.mid", "silent.mid has no notes"), ("drums.mid", "has only drums"), ("text.mid", "not MIDI")],
)
def test_one_file_without_notes_is_an_error(tmp_path, name, wrong):
    midi(tmp_path / "silent.mid", [])
    midi(tmp_path / "drums.mid", quarters([36] * 8), drums=True)
    (tmp_path / "text.mid").write_text("These are words.")
    with pytest.raises(DataError, match=wrong):
        read_samples(tmp_path / name)


def test_a_file_with_one_note_has_no_samples(tmp_path):
    with pytest.raises(DataError, match="no 2 bars with 2 notes or more"):
        read_samples(midi(tmp_path / "a.mid", [(0, 4, 60)]))


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no files of type \.mid"):
        read_samples(tmp_path, kind="melody")


def test_a_note_far_away_takes_no_time(tmp_path):
    path = midi(tmp_path / "a.mid", [*quarters(SCALE), *quarters(SCALE, 400_000)])
    assert len(read_samples(path)) == 2


@pytest.mark.parametrize("words", [{"window": 1.5}, {"step": 0.25}])
def test_windows_are_whole_bars(tmp_path, words):
    with pytest.raises(DataError, match="whole bars"):
        read_samples(midi(tmp_path / "a.mid", quarters(SCALE)), **words)


def test_notes_are_not_for_a_model_of_text(tmp_path):
    (tmp_path / "a.txt").write_text("one line\nanother line\na third\na fourth\n")
    data = open_data(tmp_path / "a.txt", kind="text", validation=0, test=0)
    with pytest.raises(DataError, match="trained on text"):
        read_samples(midi(tmp_path / "a.mid", quarters(SCALE)), like=data.description, kind="melody")


def test_samples_in_one_file_follow_each_other(tmp_path):
    data = open_data(midi(tmp_path / "a.mid", quarters(SCALE * 3)), validation=0, test=0)
    write_samples(tmp_path / "b.mid", data.train.tensor(), like=data.description)
    assert np.array_equal(read_samples(tmp_path / "b.mid").tensor(), data.train.tensor())


def test_scores_become_midi_files_of_the_same_notes(tmp_path):
    pytest.importorskip("music21")
    source = tmp_path / "set"
    (source / "folk").mkdir(parents=True)
    (source / "folk/upbeat.musicxml").write_text(XML)
    (source / "folk/b.json").write_text(json.dumps([[[60, 48]] * 16 + [[62, -1]] * 16] * 2))
    (source / "text.mid").write_text("These are words.")
    with pytest.warns(Remark, match=r"text\.mid is damaged or not MIDI"):
        scores = read_samples(source)
    with pytest.warns(Remark, match=r"text\.mid is damaged or not MIDI"):
        folder = to_midi(source, tmp_path / "midi")
    again = read_samples(folder)
    assert (folder / "folk/b.json#1.mid").exists()
    assert words(again) == words(scores)
    with pytest.raises(DataError, match="exists already"):
        to_midi(source, folder)


def test_a_single_piece_is_divided_into_stretches(tmp_path):
    data = open_data(midi(tmp_path / "a.mid", quarters(SCALE * 40)), step=1, validation=0.1, test=0.1)
    assert len(data.validation)
    assert len(data.test)
    bars = sorted(int(name.split()[-1]) for name in data.test.names)
    assert len(bars) > 3
    assert sum(after - before > 1 for before, after in itertools.pairwise(bars)) < 3
