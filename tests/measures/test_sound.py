"""Measures of sound against closed forms."""

import math

import numpy as np
import pytest
import soundfile
import torch

import isthmus as ist
from isthmus.data.media import Mel
from isthmus.measures.sound import BEST_SDR, log_spectral_distance, si_sdr, sound_measures
from isthmus.parts import Dense, Plain

CLEAN = torch.sin(2 * torch.pi * 50 * torch.arange(2000) / 2000)[None]
OTHER = torch.cos(2 * torch.pi * 50 * torch.arange(2000) / 2000)[None]
"""Orthogonal to the clean signal, and as loud."""


@pytest.mark.parametrize("decibels", [0.0, 5.0, 20.0])
def test_the_ratio_of_an_orthogonal_error_is_its_decibels(decibels):
    noise = 10 ** (-decibels / 20) * OTHER
    assert float(si_sdr(CLEAN + noise, CLEAN)) == pytest.approx(decibels, abs=1e-3)


def test_loudness_does_not_count():
    noisy = CLEAN + 0.1 * OTHER
    assert float(si_sdr(7 * noisy, CLEAN)) == pytest.approx(float(si_sdr(noisy, CLEAN)), abs=1e-4)


def test_exact_orthogonal_and_silent_signals_have_bounds():
    assert float(si_sdr(CLEAN, CLEAN)) == BEST_SDR
    assert float(si_sdr(torch.zeros_like(CLEAN), CLEAN)) == -BEST_SDR
    assert math.isnan(float(si_sdr(CLEAN, torch.zeros_like(CLEAN))))


def test_equal_sounds_have_no_distance_and_half_the_amplitude_has_six_decibels():
    noise = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
    assert float(log_spectral_distance(noise, noise)) == 0
    half = float(log_spectral_distance(noise / 2, noise))
    assert half == pytest.approx(20 * math.log10(2), abs=0.05)  # but for magnitudes near the floor
    assert math.isnan(float(log_spectral_distance(noise, torch.zeros_like(noise))))


def test_phases_do_not_count_in_the_distance_between_spectra():
    assert float(log_spectral_distance(OTHER, CLEAN)) < 3  # but for the frames at the ends
    assert float(si_sdr(OTHER, CLEAN)) < -30


def test_signals_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="expected"):
        si_sdr(CLEAN, CLEAN[0])


@pytest.mark.parametrize(("kind", "has_ratio"), [("waveform", True), ("mel", False)])
def test_sound_is_evaluated_by_its_measures_over_the_samples_that_are_not_silent(tmp_path, kind, has_ratio):
    draws = np.random.default_rng(0)
    for number in range(6):
        silent = np.zeros(800) if number < 3 else draws.uniform(-0.5, 0.5, 800)
        soundfile.write(tmp_path / f"{number}.wav", np.concatenate((draws.uniform(-0.5, 0.5, 800), silent)), 8000)
    data = ist.open_data(tmp_path, window=0.1, kind=kind, validation=0, test=0)
    blueprint = ist.Blueprint(network=Dense(), code=Plain(size=20))
    run = ist.fit(blueprint.build(data), data, epochs=1, progress=False, compile=False)
    found = run.evaluate()["train"]
    assert found["log_spectral_distance"]["pca"] < 1e-2  # as many components as samples
    assert ("si_sdr" in found) is has_ratio
    assert not has_ratio or found["si_sdr"]["pca"] > 40


def test_mel_bands_are_as_far_apart_as_their_decibels():
    mel = Mel.usual(8000, 1000)
    values = torch.zeros(2, 1, mel.mels, mel.frames)
    off = sound_measures(mel, values + math.log(10), values)
    assert off["log_spectral_distance"].tolist() == pytest.approx([20, 20])
