"""Figures of sound: the waveform and the spectrogram of each version of a recording, next to each other."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from isthmus.data.media.spectra import stft
from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

RANGE = 60
"""Decibels from the loudest colour to the faintest."""
_FRAME = 0.032
"""Seconds of a frame, about."""


def spectrograms(signals: Mapping[str, Tensor], rate: int, *, theme: Theme = LIGHT) -> Figure:
    """(T,) waveforms by name, in columns: the waveform above, the spectrogram below, all on one scale."""
    size = 2 ** max(4, round(np.log2(_FRAME * rate)))
    levels = {
        name: 20 * np.log10(stft(signal[None], size, size // 4).abs()[0].numpy() + 1e-12)
        for name, signal in signals.items()
    }
    top = max(float(level.max()) for level in levels.values())
    highest = max(float(signal.abs().max()) for signal in signals.values()) or 1.0
    with drawing(theme):
        figure = sheet(max(5.4, 1.6 * len(signals)), 2.8)
        panels = figure.subplots(2, len(signals), sharex=True, sharey="row", height_ratios=(1, 2), squeeze=False)
        for column, (name, signal) in enumerate(signals.items()):
            seconds = len(signal) / rate
            wave, spectrum = panels[:, column]
            wave.plot(np.linspace(0, seconds, len(signal)), signal.numpy(), color=theme.ink, linewidth=0.4)
            wave.set(ylim=(-highest, highest), yticks=[])
            wave.set_title(name, fontsize=9)
            spectrum.imshow(
                levels[name],
                origin="lower",
                aspect="auto",
                extent=(0, seconds, 0, rate / 2000),
                vmin=top - RANGE,
                vmax=top,
                cmap="magma",
                interpolation="nearest",
            )
            spectrum.tick_params(labelsize=7)
        panels[1, 0].set_ylabel("kHz", fontsize=8)
        figure.supxlabel("seconds", fontsize=8)
    return figure
