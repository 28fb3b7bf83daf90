"""Filling holes in tables: a network and mixtures of Gaussians, weighted by their errors in cells that were hidden."""

from isthmus.filling.filler import Filler
from isthmus.filling.mixture import Mixture

__all__ = ["Filler", "Mixture"]
