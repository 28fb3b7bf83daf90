"""Reading sound: rates, channels, windows, labels and groups; wrong files; long recordings, block by block."""

import tracemalloc
import zipfile
from typing import ClassVar

import numpy as np
import pytest
import soundfile
import torch

from isthmus.data import open_data, read_samples, stream_samples, write_samples
from isthmus.data.formats import format_of
from isthmus.data.media import Medium, Mel, Text, Waveform
from isthmus.errors import DataError, Remark

RATE = 8000


def tone(seconds: float, hertz: float = 440, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.fixture
def folder(tmp_path):
    """Five recordings of 0.5 to 0.9 s with labels, at 8 kHz."""
    for number in range(5):
        place = tmp_path / "sounds" / ("low" if number % 2 else "high")
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"{number}.wav", tone(0.5 + number / 10, 300 + 50 * number), RATE)
    return tmp_path / "sounds"


def test_a_folder_is_windows_with_names_and_labels(folder):
    samples = read_samples(folder, window=0.25)
    assert samples.medium == Waveform(rate=RATE, length=2000)
    assert samples.kind == "series"
    assert samples.shape == (1, 2000)
    assert samples.label_names == ("high", "low")
    assert samples.names[:3] == ("high/0.wav@0.00s", "high/0.wav@0.25s", "high/2.wav@0.00s")
    assert np.allclose(samples.tensor()[1, 0], tone(0.5, 300)[2000:], atol=1e-4)


def test_windows_of_one_file_stay_in_one_part(folder):
    for number in range(5, 12):
        soundfile.write(folder / "low" / f"{number}.wav", tone(0.5), RATE)
    data = open_data(folder, window=0.1, validation=0.2, test=0.2)
    parts = [{name.partition("@")[0] for name in part.names} for part in data.parts.values()]
    assert all(parts)
    assert not (parts[0] & parts[1])
    assert not (parts[0] & parts[2])
    assert not (parts[1] & parts[2])


def test_a_single_recording_is_divided_into_stretches(tmp_path):
    soundfile.write(tmp_path / "long.wav", tone(10), RATE)
    data = open_data(tmp_path / "long.wav", window=0.05)
    assert all(len(part) for part in data.parts.values())
    starts = sorted(float(name.partition("@")[2][:-1]) for name in data.test.names)
    assert starts[1] - starts[0] == pytest.approx(0.05)


@pytest.mark.parametrize(("seconds", "count"), [(0.2, 1), (0.5, 1), (0.7, 1), (0.8, 2), (1.0, 2)])
def test_the_last_window_is_kept_if_at_least_half_of_it_is_sound(tmp_path, seconds, count):
    soundfile.write(tmp_path / "a.wav", tone(seconds), RATE)
    samples = read_samples(tmp_path / "a.wav", window=0.5)
    assert len(samples) == count
    rest = round(seconds * RATE) % 4000 if count > 1 or seconds < 0.5 else 0
    assert not rest or not samples.tensor()[-1, 0, rest:].any()


def test_a_model_gets_the_last_window_whatever_its_length(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.6), RATE)
    like = open_data(tmp_path / "a.wav", window=0.5, validation=0, test=0).description
    assert read_samples(tmp_path / "a.wav", like=like).names == ("a.wav@0.00s", "a.wav@0.50s")


@pytest.mark.parametrize("step", [0.1, 0.25, 0.4])
def test_a_step_moves_the_windows(tmp_path, step):
    values = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    soundfile.write(tmp_path / "a.wav", values, RATE, subtype="FLOAT")
    samples = read_samples(tmp_path / "a.wav", window=0.25, step=step)
    for place, sample in enumerate(samples.tensor()[:-1, 0]):
        start = place * round(step * RATE)
        assert np.allclose(sample, values[start : start + 2000], atol=1e-6)


def test_windows_do_not_depend_on_the_blocks_that_are_decoded(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.flac", tone(1.0), RATE)
    whole = read_samples(tmp_path / "a.flac", window=0.1, step=0.07)
    monkeypatch.setattr("isthmus.data.sound._BLOCK", 333)
    assert torch.equal(read_samples(tmp_path / "a.flac", window=0.1, step=0.07).tensor(), whole.tensor())


def test_sound_is_resampled_and_its_channels_become_their_mean(tmp_path):
    left, right = tone(0.5, 440, 44100), tone(0.5, 880, 44100)
    soundfile.write(tmp_path / "a.wav", np.stack((left, right), 1), 44100)
    samples = read_samples(tmp_path / "a.wav", window=0.5, rate=RATE)
    expected = (tone(0.5) + tone(0.5, 880)) / 2
    assert samples.medium == Waveform(rate=RATE, length=4000)
    assert np.abs(samples.tensor()[0, 0].numpy() - expected)[100:-100].max() < 0.01


@pytest.mark.parametrize(("rates", "expected"), [((8000, 8000, 44100), 8000), ((44100, 48000), 16000)])
def test_the_usual_rate_is_that_of_most_files_but_not_above_16_khz(tmp_path, rates, expected):
    for number, rate in enumerate(rates):
        soundfile.write(tmp_path / f"{number}.wav", tone(0.1, rate=rate), rate)
    assert read_samples(tmp_path, window=0.1).medium == Waveform(rate=expected, length=expected // 10)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".aiff"])
def test_every_format_is_read(tmp_path, suffix):
    soundfile.write(tmp_path / f"a{suffix}", tone(0.5), RATE)
    values = read_samples(tmp_path / f"a{suffix}", window=0.25).tensor()
    assert 0.3 < float(values[0].std()) < 0.4


def test_a_zip_is_read_like_its_folder(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in sorted(folder.rglob("*.wav")):
            archive.write(file, file.relative_to(folder))
    zipped, plain = (read_samples(source, window=0.25) for source in (tmp_path / "a.zip", folder))
    assert zipped.names == plain.names
    assert torch.equal(zipped.tensor(), plain.tensor())


def test_mel_bands_are_pictures(folder):
    samples = read_samples(folder, window=0.25, kind="mel")
    assert isinstance(samples.medium, Mel)
    assert samples.kind == "pictures"
    assert samples.shape == (1, 40, 1 + 2000 // 64)


def test_pieces_are_what_reading_at_once_gives(folder):
    data = open_data(folder, window=0.1, validation=0, test=0)
    (folder / "bad.wav").write_bytes(b"RIFF no sound")
    stream = stream_samples(folder, like=data.description, rows=4)
    pieces = list(stream)
    with pytest.warns(Remark, match="1 of 6 recordings"):
        whole = read_samples(folder, like=data.description)
    assert [len(piece) for piece in pieces][:-1] == [4] * (len(pieces) - 1)
    assert torch.equal(torch.cat([piece.tensor() for piece in pieces]), whole.tensor())
    assert stream.skipped == ["bad.wav"]


def test_wrong_files_are_named_and_left_out(folder):
    (folder / "broken.wav").write_bytes((folder / "high" / "0.wav").read_bytes()[:30])
    (folder / "nothing.flac").write_bytes(b"")
    soundfile.write(folder / "short.wav", np.zeros(0), RATE)
    soundfile.write(folder / "silent.wav", np.zeros(4000), RATE)
    soundfile.write(folder / "nan.wav", np.full(4000, np.nan), RATE, subtype="FLOAT")
    (folder / "readme.txt").write_text("words")
    with pytest.warns(Remark) as remarks:
        samples = read_samples(folder, window=0.25)
    said = " ".join(str(remark.message) for remark in remarks)
    assert "5 of 10 recordings are left out" in said
    assert "broken.wav can't be read as sound" in said
    assert "1 other file is not read (1 of type .txt)" in said
    assert len(samples) == len(read_samples(folder / "high", window=0.25)) + 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(4000), "silent throughout"),
        (np.zeros(0), "length is 0"),
        (np.full(4000, np.inf), "NaN or infinite"),
    ],
)
def test_one_wrong_file_is_one_error(tmp_path, values, message):
    soundfile.write(tmp_path / "a.wav", values, RATE, subtype="FLOAT")
    with pytest.raises(DataError, match=message):
        open_data(tmp_path / "a.wav")


def test_a_header_with_an_impossible_rate_is_an_error(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.1), 7)
    with pytest.raises(DataError, match="rate is 7 Hz, expected 1000"):
        open_data(tmp_path / "a.wav")


def test_samples_beyond_max_bytes_are_refused_before_they_are_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(2), RATE)
    with pytest.raises(DataError, match=r"max_bytes=50,000 .* window=0.5 s, step=0.1 s and rate=8000"):
        open_data(tmp_path / "a.wav", window=0.5, step=0.1, max_bytes=50_000)


def test_a_window_of_almost_nothing_is_an_error(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.1), RATE)
    with pytest.raises(DataError, match=r"expected 0.002 seconds or more"):
        open_data(tmp_path / "a.wav", window=0.0001)


def test_a_model_of_text_refuses_sound(folder):
    like = {"shape": [10], "kind": "tokens", "medium": Text(symbols=("a",), length=10).to_json()}
    with pytest.raises(DataError, match="model was trained on text"):
        read_samples(folder, like=like, kind="waveform")


def test_a_model_of_waveforms_refuses_mel_bands(folder):
    like = open_data(folder, window=0.25).description
    with pytest.raises(DataError, match="Leave kind out"):
        read_samples(folder, like=like, kind="mel")


def test_a_model_of_sound_takes_arrays_of_its_shape(folder):
    data = open_data(folder, window=0.25, kind="waveform")
    samples = read_samples(data.train.tensor().numpy(), like=data.description)
    assert samples.kind == "series"
    assert samples.medium == data.medium


def test_a_long_recording_is_streamed_in_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.data.sound._BLOCK", 10_000)
    monkeypatch.setattr("isthmus.data.sound._TOGETHER", 4)
    with soundfile.SoundFile(tmp_path / "long.wav", "w", RATE, 1) as file:
        for _ in range(20):
            file.write(tone(10))
    like = {"shape": [1, 8000], "medium": Waveform(rate=RATE, length=8000).to_json(), "kind": "series"}
    tracemalloc.start()
    count = sum(len(piece) for piece in stream_samples(tmp_path / "long.wav", like=like, rows=2))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 200
    assert peak < 200 * 8000 * 4 / 2  # half of what the samples need


@pytest.mark.parametrize("step", [0.25, 0.125, 0.1])
def test_windows_of_a_recording_are_joined_when_they_are_written(folder, tmp_path, step):
    samples = read_samples(folder, window=0.25, step=step)
    like = open_data(folder, window=0.25).description
    write_samples(tmp_path / "out", samples.tensor(), like=like, names=samples.names)
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.wav"))
    assert names == ["high/0.wav", "high/2.wav", "high/4.wav", "low/1.wav", "low/3.wav"]
    for name in names:
        values, original = soundfile.read(tmp_path / "out" / name)[0], soundfile.read(folder / name)[0]
        shorter = min(len(values), len(original))
        assert abs(len(values) - len(original)) <= 1000
        assert np.abs(values[:shorter] - original[:shorter]).max() < 1e-3


def test_long_recordings_are_written_in_several_files(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.data.write_sound.LONGEST", 0.5)
    samples = read_samples(folder / "high" / "4.wav", window=0.25)
    like = open_data(folder, window=0.25).description
    write_samples(tmp_path / "out.zip", samples.tensor(), like=like, names=samples.names)
    assert zipfile.ZipFile(tmp_path / "out.zip").namelist() == ["4.wav", "4@0.50s.wav"]


def test_one_file_holds_one_recording(folder, tmp_path):
    like = open_data(folder, window=0.25).description
    one = read_samples(folder / "high" / "4.wav", window=0.25)
    write_samples(tmp_path / "one.flac", one.tensor(), like=like, names=one.names)
    assert soundfile.info(tmp_path / "one.flac").frames == 8000
    several = read_samples(folder, window=0.25)
    with pytest.raises(DataError, match="several: write a folder"):
        write_samples(tmp_path / "two.wav", several.tensor(), like=like, names=several.names)
    with pytest.raises(DataError, match="holds one sample, not 4"):
        write_samples(tmp_path / "two.wav", one.tensor(), like=like)
    assert not (tmp_path / "two.wav").exists()


def test_samples_without_names_are_numbered_files(folder, tmp_path):
    data = open_data(folder, window=0.25)
    write_samples(tmp_path / "out", data.train.tensor()[:2], like=data.description)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["00000.wav", "00001.wav"]


class Beats(Medium):
    """Windows of numbers, one a second, that is no sound."""

    suffixes: ClassVar[tuple[str, ...]] = (".beats",)
    rate: int = 1

    @property
    def recorded(self):
        return self

    def signals(self, values):
        return torch.as_tensor(values)[:, 0]

    def recording(self, signal, suffix):
        return bytes(signal.to(torch.uint8).tolist())

    def writer(self, file, suffix):
        raise NotImplementedError


def test_windows_of_any_recorded_medium_are_joined(tmp_path):
    write_format = format_of("", Beats())
    assert write_format is not None
    with write_format(tmp_path / "out", None) as write:
        write(np.array([[[1, 2, 3]], [[3, 4, 5]], [[9, 9, 9]]]), ["a@0.00s", "a@2.00s", "b"])
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "a.beats": bytes([1, 2, 3, 4, 5]),
        "b.beats": bytes([9, 9, 9]),
    }
