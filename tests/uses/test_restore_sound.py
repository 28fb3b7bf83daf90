"""Restoring recordings: as long as they were, without seams, in their format; folders and wrong files."""

import numpy as np
import pytest
import soundfile
import torch

import isthmus as ist
from isthmus.errors import DataError, UseError
from isthmus.parts import Conv, Dense, GaussianNoise, Identity, Plain
from isthmus.uses.restore_files import restore_files
from isthmus.uses.restore_sound import SoundRestorer

RATE = 8000


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model of 0.05 s that was hardly trained."""
    folder = tmp_path_factory.mktemp("sounds")
    for number in range(4):
        soundfile.write(folder / f"{number}.wav", noise(2000, number), RATE)
    data = ist.open_data(folder, window=0.05)
    network = Conv(channels=(2,), kernel=5, form="strided", stride=4)
    model = ist.Blueprint(network=network, corruption=GaussianNoise(sigma=0.1)).build(data)
    return ist.fit(model, data, epochs=1, progress=False, compile=False)


@pytest.fixture
def copying(run, monkeypatch):
    """A model whose output is its input, so that only cutting, fading and joining are left."""
    monkeypatch.setattr(type(run), "reconstruct", lambda self, samples: samples.tensor())
    return run


@pytest.mark.parametrize("length", [100, 400, 401, 599, 600, 601, 5000])
def test_windows_are_joined_without_a_seam_whatever_the_length(copying, tmp_path, length):
    values = noise(length)
    soundfile.write(tmp_path / "a.wav", values, RATE, subtype="FLOAT")
    made = torch.cat(list(SoundRestorer(copying).blocks(tmp_path / "a.wav")))
    assert made.shape == (length,)
    assert np.allclose(made, values, atol=1e-6)


def test_a_recording_gets_the_models_rate_and_keeps_its_length(run, tmp_path):
    soundfile.write(tmp_path / "a.flac", noise(8820), 44100)
    assert restore_files(run, tmp_path / "a.flac", tmp_path / "b.flac").written == [str(tmp_path / "b.flac")]
    assert soundfile.info(tmp_path / "b.flac").samplerate == RATE
    assert soundfile.info(tmp_path / "b.flac").frames == 1600


def test_a_folder_keeps_its_names_and_wrong_files_are_named(run, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    soundfile.write(tmp_path / "in" / "deep" / "a.ogg", noise(1000), RATE)
    soundfile.write(tmp_path / "in" / "b.mp3", noise(1000), RATE)
    (tmp_path / "in" / "c.wav").write_bytes(b"RIFF")
    found = restore_files(run, tmp_path / "in", tmp_path / "out")
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert made == {"deep/a.ogg", "b.wav"}
    assert list(found.skipped) == ["c.wav"]
    assert len(restore_files(run, tmp_path / "in", tmp_path / "out", resume=True).kept) == 2
    with pytest.raises(DataError, match="already"):
        restore_files(run, tmp_path / "in", tmp_path / "out")


def test_restoration_measures_sound_by_its_decibels(run):
    found = ist.restoration(run)
    assert set(found.scores) == {"si_sdr", "log_spectral_distance"}
    sigma = 0.1  # of scaled noise, whose own deviation is 1
    assert found.scores["si_sdr"]["nothing"] == pytest.approx(-20 * np.log10(sigma), abs=0.5)


def test_a_picture_is_no_target_of_sound(run, tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(1000), RATE)
    with pytest.raises(DataError, match=r"can't write a recording as '.png'"):
        restore_files(run, tmp_path / "a.wav", tmp_path / "a.png")


def test_a_model_without_a_corruption_restores_no_sound(run, tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(1000), RATE)
    data = ist.open_data(tmp_path / "a.wav", window=0.05, validation=0, test=0)
    blueprint = ist.Blueprint(network=Dense(), code=Plain(size=2), corruption=Identity())
    plain = ist.fit(blueprint.build(data), data, epochs=1, progress=False, compile=False)
    with pytest.raises(UseError, match="corruption=gaussian-noise"):
        restore_files(plain, tmp_path / "a.wav", tmp_path / "b.wav")
