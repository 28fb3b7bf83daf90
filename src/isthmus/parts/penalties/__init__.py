"""Penalties: what the loss adds to the distance."""

from isthmus.parts.penalties.contraction import Contraction
from isthmus.parts.penalties.kl import Kl
from isthmus.parts.penalties.penalty import Penalty, names_of
from isthmus.parts.penalties.sparsity import ActivationL1, SparsityKl

__all__ = ["ActivationL1", "Contraction", "Kl", "Penalty", "SparsityKl", "names_of"]
