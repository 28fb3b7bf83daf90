"""Speech in a sixteenth of its numbers, nearer to the original than PCA of that size; and speech freed of noise."""

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from isthmus.data import Samples
from isthmus.data.media import Sound
from isthmus.drawing.sounds import spectrograms
from isthmus.measures.sound import log_spectral_distance, si_sdr
from isthmus.parts import GaussianNoise
from isthmus.pca import principal_components

EPOCHS = 20
SETTINGS: dict[str, Any] = {"learning_rate": 3e-3, "batch_size": 16, "schedule": "cosine"}
SPEECH = Path("/usr/share/asterisk/sounds")
"""568 spoken prompts, 25 minutes at 8 kHz: `apt-get install asterisk-core-sounds-en-wav`."""
PIECE = 1000
"""Values of a piece: of those that divide a window, the length at which PCA of pieces does best."""
SNR = 5.0
"""Of the noise that is removed, in dB."""
GAIN = 5.0
"""The decibels of SI-SDR that removing the noise should gain."""
QUIET = 1e-5
"""The mean square below which a window is a pause, which has no signal to compare with."""


def prove(bench: Bench) -> list[Row]:
    """Reconstruction against PCA with as many numbers; denoising against the noisy sound."""
    data = speech(bench)
    sound, clean = data.medium, data.test.tensor()
    assert isinstance(sound, Sound)
    run = bench.train("waveform", ist.recipe("sound"), data, **SETTINGS)
    pca = run.baseline().reconstruct(data.scaling(clean))
    made = {"model": run.reconstruct(data.test), "PCA": data.scaling.inverse(pca)}
    signals = {name: sound.signals(of) for name, of in {"original": clean, **made}.items()}
    heard = signals["original"].square().mean(1) > QUIET
    ratio, distance = (
        {name: _mean(of(signals[name], signals["original"])[heard]) for name in made}
        for of in (si_sdr, log_spectral_distance)
    )
    size = run.baseline().size
    rows = [
        Row.at_least("SI-SDR of the reconstruction, dB", ratio["model"], ratio["PCA"], f"PCA-{size}", ratio["PCA"]),
        Row.at_most("log-spectral distance, dB", distance["model"], distance["PCA"], f"PCA-{size}", distance["PCA"]),
    ]
    pieces = sound.signals(pca_of_pieces(data, size * PIECE // sound.length))
    ours, theirs = ratio["model"], _mean(si_sdr(pieces, signals["original"])[heard])
    rows += [
        Row.at_least("SI-SDR beside PCA of pieces of 1/8 s, dB", ours, theirs, "as many numbers", theirs),
        Row(
            "log-spectral distance beside PCA of pieces of 1/8 s, dB",
            distance["model"],
            _mean(log_spectral_distance(pieces, signals["original"])[heard]),
        ),
    ]
    blueprint = ist.recipe("sound", skips=True, predicts="residual").replace(corruption=GaussianNoise(sigma=0.5))
    denoiser = bench.train("denoising", blueprint, data, **SETTINGS)
    noisy = with_noise(signals["original"])
    restored = sound.signals(denoiser.reconstruct(sound.values(noisy)))
    before, after = (_mean(si_sdr(of, signals["original"])[heard]) for of in (noisy, restored))
    noise, rest = (_mean(log_spectral_distance(of, signals["original"])[heard]) for of in (noisy, restored))
    rows += [
        Row.at_least(f"SI-SDR gained from noise at {SNR:g} dB, dB", after - before, GAIN, beside=0.0),
        Row.at_most("log-spectral distance of the restored speech, dB", rest, noise, "of the noisy speech", noise),
    ]
    intact = signals["original"][heard]
    errors = ist.detector(run, "error").scores(Samples(torch.from_numpy(sound.values(intact)), kind="series"))
    for how, spoilt in broken(intact, sound.rate).items():
        of_spoilt = ist.detector(run, "error").scores(Samples(torch.from_numpy(sound.values(spoilt)), kind="series"))
        which = np.repeat((0, 1), len(intact))
        area = float(roc_auc_score(which, torch.cat((errors, of_spoilt)).numpy()))
        rows.append(Row(f"area under the ROC curve of the error: seconds with {how} against intact ones", area))
    shown = int(torch.argmax(signals["original"].square().mean(1)))
    versions = {**signals, "noisy": noisy, "restored": restored}
    bench.draw(spectrograms({name: of[shown] for name, of in versions.items()}, sound.rate))
    return rows


def speech(bench: Bench) -> ist.Data:
    """The prompts, or made tones if they aren't at hand; the files of the test part are not trained on."""
    if SPEECH.is_dir():
        data = ist.open_data(SPEECH)
        bench.data.append(f"{SPEECH}: {len(data.train)} seconds to train, {len(data.test)} to test")
        return data
    with tempfile.TemporaryDirectory() as folder:
        for number in range(60):
            (Path(folder) / f"{number}.wav").write_bytes(_tone(number))
        bench.data.append("made up tones, for want of the prompts")
        return ist.open_data(folder)


def broken(signals: Tensor, rate: int, seed: int = 2) -> dict[str, Tensor]:
    """(N, T) signals broken in three ways."""
    generator = torch.Generator().manual_seed(seed)
    clicks, gaps = signals.clone(), signals.clone()
    rows, gap = torch.arange(len(signals))[:, None], rate // 50
    for _ in range(3):
        starts = torch.randint(0, signals.shape[1] - 4, (len(signals), 1), generator=generator)
        clicks[rows, starts + torch.arange(4)] = torch.tensor([1.0, -1.0, 1.0, -1.0])
    for _ in range(5):
        starts = torch.randint(0, signals.shape[1] - gap, (len(signals), 1), generator=generator)
        gaps[rows, starts + torch.arange(gap)] = 0.0
    hum = 0.1 * torch.sin(2 * torch.pi * 50 * torch.arange(signals.shape[1]) / rate).sign()
    return {"three clicks": clicks, "five gaps of 20 ms": gaps, "a hum of 50 Hz": (signals + hum).clamp(-1, 1)}


def pca_of_pieces(data: ist.Data, components: int) -> Tensor:
    """The test part by PCA of short pieces, a stronger rival: there are more pieces to learn from than windows."""
    pca = principal_components(Samples(data.train.tensor().reshape(-1, PIECE)), Tensor.float, components)
    clean = data.test.tensor()
    return pca.reconstruct(clean.reshape(-1, PIECE)).reshape(clean.shape)


def with_noise(signals: Tensor, seed: int = 1) -> Tensor:
    """(N, T) signals with white Gaussian noise at `SNR` dB below each."""
    noise = torch.randn(signals.shape, generator=torch.Generator().manual_seed(seed))
    level = signals.square().mean(1, keepdim=True).sqrt() * 10 ** (-SNR / 20)
    return signals + noise * level


def _tone(number: int) -> bytes:
    draws = np.random.default_rng(number)
    time = np.arange(8000) / 8000
    pitch = draws.uniform(100, 400)
    parts = [draws.uniform(0, 0.3) * np.sin(2 * np.pi * pitch * k * time + draws.uniform(0, 6)) for k in range(1, 6)]
    buffer = io.BytesIO()
    soundfile.write(buffer, np.sum(parts, 0) * np.hanning(8000) / 2, 8000, format="WAV")
    return buffer.getvalue()


def _mean(figures: Tensor) -> float:
    return float(figures.nanmean())
