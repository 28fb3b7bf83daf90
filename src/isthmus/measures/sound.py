"""Measures of sound: one number per recording, from waveforms (N, T)."""

import math

import torch
from torch import Tensor

from isthmus.data.media import Mel, Sound
from isthmus.data.media.spectra import stft

BEST_SDR = 100.0
"""The decibels of an exact reconstruction, whose ratio is infinite."""
SIZE, HOP = 256, 64
"""The frames of `log_spectral_distance`, in values."""
FLOOR = 1e-3
"""Magnitudes below this share of the recording's largest one, 60 dB, count as silence."""


def si_sdr(reconstruction: Tensor, target: Tensor) -> Tensor:
    r"""(N,) scale-invariant signal-to-distortion ratio in dB, of (N, T) and (N, T).

    :math:`10 \log_{10} \frac{\|\alpha s\|^2}{\|\alpha s - \hat s\|^2}` with :math:`\alpha = \hat s^\top s / \|s\|^2`:
    the loudness of the reconstruction doesn't count. Larger is better; at most `BEST_SDR`, at least its negative. NaN
    for a silent target.

    Source: Le Roux, Wisdom, Erdogan & Hershey, SDR: half-baked or well done?, ICASSP (2019).
    """
    made, clean = _same(reconstruction, target)
    energy = clean.square().sum(1)
    wanted = (made * clean).sum(1, keepdim=True) / energy[:, None] * clean
    ratio = wanted.square().sum(1) / (wanted - made).square().sum(1)
    decibels = (10 * ratio.log10()).nan_to_num(-BEST_SDR, BEST_SDR, -BEST_SDR).clamp(-BEST_SDR, BEST_SDR)
    return torch.where(energy > 0, decibels, torch.nan).float()


def log_spectral_distance(reconstruction: Tensor, target: Tensor) -> Tensor:
    r"""(N,) log-spectral distance in dB, of (N, T) and (N, T): how different they sound, whatever their phases.

    :math:`\frac1M\sum_m \sqrt{\frac1K\sum_k \left(20\log_{10}\frac{|S_{km}|}{|\hat S_{km}|}\right)^2}` over the M
    frames and K frequencies. Magnitudes below `FLOOR` times the target's largest are raised to it. 0 is exact. NaN for
    a silent target.

    Source: Gray & Markel, Distance measures for speech processing, IEEE TASSP 24 (1976).
    """
    made, clean = (stft(of.float(), SIZE, HOP).abs() for of in _same(reconstruction, target))
    floor = clean.amax((1, 2), keepdim=True) * FLOOR
    ratio = torch.maximum(clean, floor).log10() - torch.maximum(made, floor).log10()
    distance = (20 * ratio).square().mean(1).sqrt().mean(1)
    return torch.where(floor.flatten() > 0, distance, torch.nan)


def sound_measures(sound: Sound, reconstruction: Tensor, target: Tensor) -> dict[str, Tensor]:
    """The measures of (N, *shape) raw samples of this medium, by name, each (N,); NaN for silent ones.

    "si_sdr" and "log_spectral_distance" of waveforms. Mel bands have no phases, so their distance alone is measured,
    band by band.
    """
    if isinstance(sound, Mel):
        off = (20 / math.log(10)) * (reconstruction.float() - target.float())[:, 0]
        return {"log_spectral_distance": off.square().mean(1).sqrt().mean(1)}
    made, clean = sound.signals(reconstruction), sound.signals(target)
    return {"si_sdr": si_sdr(made, clean), "log_spectral_distance": log_spectral_distance(made, clean)}


def _same(reconstruction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    if reconstruction.shape != target.shape or target.ndim != 2:
        raise ValueError(
            f"Waveforms of shape {tuple(reconstruction.shape)} and {tuple(target.shape)}: expected (N, T) twice."
        )
    return reconstruction.double(), target.double()
