"""Samplers: draw new codes after training, for models without a prior or whose codes don't follow it."""

from isthmus.samplers.fitted import Gaussians, Neighbours, Way, fit_sampler
from isthmus.samplers.sampler import Sampler
from isthmus.samplers.saved import load_sampler
from isthmus.samplers.sequences import Sequences, fit_sequences

__all__ = [
    "Gaussians",
    "Neighbours",
    "Sampler",
    "Sequences",
    "Way",
    "fit_sampler",
    "fit_sequences",
    "load_sampler",
]
