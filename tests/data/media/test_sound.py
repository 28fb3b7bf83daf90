"""Sound as a medium: mel bands, spectra and the ways back, against closed forms; files and words."""

import io

import numpy as np
import pytest
import soundfile
import torch

from isthmus.data.media import Medium, Mel, Sound, Waveform
from isthmus.data.media.spectra import (
    griffin_lim,
    hertz_to_mel,
    istft,
    log_mel,
    mel_matrix,
    mel_to_hertz,
    non_negative,
    stft,
)

RATE = 8000


def tone(hertz: float, seconds: float = 0.25, level: float = 0.5) -> torch.Tensor:
    return level * torch.sin(2 * torch.pi * hertz * torch.arange(int(seconds * RATE)) / RATE)


def test_spectra_give_the_signal_back():
    signals = torch.randn(3, 1000, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(istft(stft(signals, 128, 32), 128, 32, 1000), signals, atol=1e-5)


def test_spectra_keep_the_energy():
    signal = torch.zeros(1, 4096)
    signal[:, 512:-512] = torch.randn(1, 3072, generator=torch.Generator().manual_seed(0))
    power = stft(signal, 256, 64).abs().square()
    both_sides = 2 * power.sum(1) - power[:, 0] - power[:, -1]
    # Parseval: each value is in size/hop frames, weighted by Hann's squares, whose mean is 3/8
    assert both_sides.sum() / 256 / (256 / 64 * 3 / 8) == pytest.approx(float(signal.square().sum()), rel=1e-4)


def test_the_mel_scale_is_linear_below_a_kilohertz_and_logarithmic_above():
    hertz = torch.tensor([0.0, 200.0, 1000.0, 6400.0])
    assert torch.allclose(hertz_to_mel(hertz), torch.tensor([0.0, 3.0, 15.0, 42.0]))
    assert torch.allclose(mel_to_hertz(hertz_to_mel(hertz)), hertz, rtol=1e-5)


@pytest.mark.parametrize("hertz", [300.0, 1000.0, 2500.0])
def test_a_pure_tone_is_loudest_in_its_band(hertz):
    edges = mel_to_hertz(torch.linspace(0, 1, 42) * hertz_to_mel(torch.tensor(RATE / 2)))
    band = int(log_mel(tone(hertz)[None], RATE, 512, 128, 40)[0].mean(1).argmax())
    assert edges[band] < hertz < edges[band + 2]


def test_every_band_takes_some_frequency():
    assert bool((mel_matrix(RATE, 64, 40).sum(1) > 0).all())


def test_non_negative_solves_a_system_with_a_non_negative_solution():
    generator = torch.Generator().manual_seed(0)
    matrix, x = torch.rand(8, 6, generator=generator), torch.rand(6, 3, generator=generator)
    found = non_negative(matrix, matrix @ x)
    assert bool((found >= 0).all())
    assert torch.allclose(matrix @ found, matrix @ x, rtol=0.02)


def test_griffin_lim_finds_a_signal_with_these_magnitudes():
    signal = (tone(440) + tone(1300, level=0.2))[None]
    magnitudes = stft(signal, 256, 64).abs()
    found = griffin_lim(magnitudes, 256, 64, signal.shape[1], steps=40)
    error = (stft(found, 256, 64).abs() - magnitudes).square().sum() / magnitudes.square().sum()
    assert error < 0.01


def test_momentum_comes_nearer_in_as_many_steps():
    signal = torch.randn(1, 2000, generator=torch.Generator().manual_seed(1)).cumsum(1)
    magnitudes = stft(signal, 256, 64).abs()

    def error(momentum: float) -> float:
        made = griffin_lim(magnitudes, 256, 64, 2000, steps=20, momentum=momentum)
        return float((stft(made, 256, 64).abs() - magnitudes).square().sum())

    assert error(0.99) < error(0.0)


def test_a_sample_of_mel_bands_sounds_alike_and_does_not_depend_on_the_others():
    mel = Mel.usual(RATE, 2000)
    values = mel.values(torch.stack([tone(500), tone(1500)]))
    assert values.shape == (2, 1, 40, mel.frames)
    assert values.dtype == np.float32
    signals = mel.signals(values)
    assert torch.allclose(mel.signals(values[1:])[0], signals[1], atol=1e-3)  # sums of a batch may round otherwise
    assert signals.std(1).tolist() == pytest.approx([tone(500).std().item()] * 2, rel=0.2)
    loudest = stft(signals, 256, 64).abs().mean(2).argmax(1) * RATE / 256
    assert loudest.tolist() == pytest.approx([500, 1500], abs=80)


def test_high_bands_are_at_the_top_of_a_picture():
    mel = Mel.usual(RATE, 2000)
    low, high = mel.values(torch.stack([tone(200), tone(3000)]))[:, 0].mean(2).argmax(1)
    assert high < 10 < 30 < low


def test_silence_stays_silence():
    mel = Mel.usual(RATE, 1000)
    assert float(mel.signals(mel.values(np.zeros((1, 1000), np.float32))).abs().max()) < 1e-6


@pytest.mark.parametrize("medium", [Waveform(rate=RATE, length=2000), Mel.usual(RATE, 2000)])
def test_a_medium_comes_back_from_json(medium):
    assert Medium.from_json(medium.to_json()) == medium
    assert isinstance(medium, Sound)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".wav", 1e-4), (".flac", 1e-4), (".ogg", 0.05)])
def test_files_hold_the_waveform(suffix, tolerance):
    sound = Waveform(rate=RATE, length=2000)
    values, rate = soundfile.read(io.BytesIO(sound.file(tone(440).numpy()[None], suffix)))
    assert rate == RATE
    assert np.abs(values[:2000] - tone(440).numpy()).max() < tolerance


def test_louder_values_than_a_file_can_hold_are_clipped():
    sound = Waveform(rate=RATE, length=4)
    values, _ = soundfile.read(io.BytesIO(sound.file(np.array([[0, 2, -2, np.nan]], np.float32), ".wav")))
    assert values.tolist() == pytest.approx([0, 1, -1, 0], abs=1e-4)


def test_words_are_length_rate_and_level():
    sound = Waveform(rate=RATE, length=2000)
    values = torch.stack([tone(400), torch.zeros(2000)])[:, None]
    assert sound.words(values) == ["0.25 s at 8000 Hz, -9 dB", "0.25 s at 8000 Hz, silent"]
