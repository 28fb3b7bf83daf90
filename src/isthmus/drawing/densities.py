"""Densities: how often latent dimensions are active, as a histogram of their logarithms."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet
from isthmus.formatting import number

BINS = 40


def density_histogram(density: np.ndarray, *, theme: Theme = LIGHT) -> Figure:
    """A histogram of log10 of the densities that are above 0. density: (K,) shares of the samples."""
    active = np.log10(density[density > 0])
    with drawing(theme):
        figure = sheet(5.4, 3.0)
        axes = figure.add_subplot(xlabel="share of the samples that activate a dimension", ylabel="latent dimensions")
        if len(active):
            axes.hist(active, bins=min(BINS, max(5, len(active) // 4)), color=theme.rivals["model"])
            powers = np.arange(np.floor(active.min()), 1)
            marks = [mark for power in powers for mark in (power, power + np.log10(3)) if active.min() <= mark <= 0]
            axes.set_xticks(marks, [f"{number(float(f'{100 * 10**mark:.1g}'))} %" for mark in marks])
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    return figure
