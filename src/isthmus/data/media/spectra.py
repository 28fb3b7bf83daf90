"""Spectra of sound: the short-time Fourier transform, mel bands, and the way back to a waveform."""

import math
from functools import lru_cache

import torch
from torch import Tensor

QUIETEST = 1e-5
"""The magnitude below which a band counts as silent, so that its logarithm is finite."""
_ROUNDS = 50
"""Steps of the non-negative least squares; later ones change the sound by less than Griffin-Lim's own error."""
_LINEAR, _LAST = 200.0 / 3, 1000.0
"""Slaney's mel scale: hertz per mel below 1 kHz, and the frequency from which it is logarithmic."""
_GROWTH = math.log(6.4) / 27


def stft(signals: Tensor, size: int, hop: int) -> Tensor:
    """(N, T) to (N, size // 2 + 1, frames) complex64: spectra of Hann windows of `size`, `hop` apart.

    The frames are centred on multiples of `hop`, with silence before the start and after the end:
    frames = 1 + T // hop.
    """
    window = torch.hann_window(size, dtype=signals.dtype, device=signals.device)
    return torch.stft(signals, size, hop, window=window, pad_mode="constant", return_complex=True)


def istft(spectra: Tensor, size: int, hop: int, length: int) -> Tensor:
    """(N, size // 2 + 1, frames) complex to (N, length): the signals whose `stft` is nearest in least squares.

    Source: Griffin & Lim, Signal estimation from modified short-time Fourier transform, IEEE TASSP 32 (1984).
    """
    window = torch.hann_window(size, dtype=spectra.real.dtype, device=spectra.device)
    return torch.istft(spectra, size, hop, window=window, length=length)


def hertz_to_mel(hertz: Tensor) -> Tensor:
    r"""Frequencies on Slaney's mel scale: :math:`3f / 200` below 1 kHz, :math:`15 + 27 \log_{6.4}(f / 1000)` above.

    Source: Slaney, Auditory Toolbox, Interval Research report 1998-010.
    """
    above = _LAST / _LINEAR + torch.log(hertz.clamp(min=_LAST) / _LAST) / _GROWTH
    return torch.where(hertz < _LAST, hertz / _LINEAR, above)


def mel_to_hertz(mel: Tensor) -> Tensor:
    """The inverse of `hertz_to_mel`."""
    first = _LAST / _LINEAR
    return torch.where(mel < first, mel * _LINEAR, _LAST * torch.exp(_GROWTH * (mel - first)))


@lru_cache(maxsize=8)
def mel_matrix(rate: int, size: int, bands: int) -> Tensor:
    """(bands, size // 2 + 1) float32 that maps magnitudes of spectra to mel bands.

    The bands are triangles, equally wide in mel from 0 to rate / 2, each from the middle of the band below to the
    middle of the band above; each has an area of 1 over its width in hertz (Slaney's normalisation), times rate / size.
    A band narrower than the distance of two frequencies takes the nearest one.
    """
    bins = torch.arange(size // 2 + 1, dtype=torch.float64) * (rate / size)
    top = hertz_to_mel(torch.tensor(rate / 2, dtype=torch.float64))
    edges = mel_to_hertz(torch.linspace(0, 1, bands + 2, dtype=torch.float64) * top)
    low, middle, high = (edges[shift : shift + bands, None] for shift in range(3))
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    triangles = torch.minimum(rising, falling).clamp(min=0)
    empty = triangles.sum(1) == 0
    triangles[empty, (middle[empty] - bins).abs().argmin(1)] = 1.0
    return (triangles * (2 * rate / size / (high - low))).float()


def log_mel(signals: Tensor, rate: int, size: int, hop: int, bands: int) -> Tensor:
    """(N, T) to (N, bands, frames): the logarithms of the magnitudes in mel bands, of `QUIETEST` at least."""
    magnitudes = stft(signals, size, hop).abs()
    return (mel_matrix(rate, size, bands).to(magnitudes) @ magnitudes).clamp(min=QUIETEST).log()


def from_log_mel(values: Tensor, rate: int, size: int, hop: int, length: int, steps: int = 32) -> Tensor:
    """(N, bands, frames) logarithms of mel magnitudes to (N, length) signals: magnitudes, then `griffin_lim`."""
    matrix = mel_matrix(rate, size, values.shape[1]).to(values)
    return griffin_lim(
        non_negative(matrix, values.exp() * (values > math.log(1.01 * QUIETEST))), size, hop, length, steps
    )


def non_negative(matrix: Tensor, wanted: Tensor) -> Tensor:
    r"""(…, B, T) to (…, F, T): :math:`\arg\min_{x \ge 0} \|Ax - b\|^2` of each column, about.

    matrix: (B, F), non-negative. Multiplicative steps start from the pseudo-inverse.

    Source: Lee & Seung, Algorithms for non-negative matrix factorization, NeurIPS (2000).
    """
    small = 1e-8
    x = (torch.linalg.pinv(matrix.double()).to(wanted) @ wanted).clamp(min=small)
    square, target = matrix.T @ matrix, matrix.T @ wanted
    for _ in range(_ROUNDS):
        x = x * (target / (square @ x).clamp(min=small))
    return x


def griffin_lim(
    magnitudes: Tensor, size: int, hop: int, length: int, steps: int = 32, momentum: float = 0.99
) -> Tensor:
    """(N, size // 2 + 1, frames) magnitudes to (N, length) signals with spectra of about these magnitudes.

    The phases start at random, from a fixed seed, the same for each sample, so that each sample's result doesn't depend
    on the others.

    Source: Perraudin, Balazs & Søndergaard, A fast Griffin-Lim algorithm, WASPAA (2013).
    """
    shape = magnitudes.shape[1:]
    start = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(magnitudes) * (2 * math.pi)
    phases = torch.polar(torch.ones_like(start), start).expand(magnitudes.shape)
    before = torch.zeros_like(phases)
    for _ in range(steps):
        now = stft(istft(magnitudes * phases, size, hop, length), size, hop)
        ahead = now + momentum * (now - before)
        phases, before = ahead / ahead.abs().clamp(min=1e-12), now
    return istft(magnitudes * phases, size, hop, length)
