"""Penalties: terms that the loss adds to the distance."""

from isthmus.parts.penalties.adversary import CodeAdversary, IndependenceAdversary
from isthmus.parts.penalties.code_entropy import CodeEntropy
from isthmus.parts.penalties.contraction import Contraction
from isthmus.parts.penalties.covariance import Covariance
from isthmus.parts.penalties.decorrelation import Decorrelation
from isthmus.parts.penalties.kl import Kl
from isthmus.parts.penalties.mmd import Mmd
from isthmus.parts.penalties.output_adversary import OutputAdversary
from isthmus.parts.penalties.penalty import Penalty, names_of
from isthmus.parts.penalties.sparsity import ActivationL1, SparsityKl
from isthmus.parts.penalties.total_correlation import TotalCorrelation

__all__ = [
    "ActivationL1",
    "CodeAdversary",
    "CodeEntropy",
    "Contraction",
    "Covariance",
    "Decorrelation",
    "IndependenceAdversary",
    "Kl",
    "Mmd",
    "OutputAdversary",
    "Penalty",
    "SparsityKl",
    "TotalCorrelation",
    "names_of",
]
