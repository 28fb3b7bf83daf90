"""Penalties: terms that the loss adds to the distance."""

from isthmus.parts.penalties.adversary import CodeAdversary
from isthmus.parts.penalties.contraction import Contraction
from isthmus.parts.penalties.decorrelation import Decorrelation
from isthmus.parts.penalties.kl import Kl
from isthmus.parts.penalties.mmd import Mmd
from isthmus.parts.penalties.norms import CodeNorm, DecoderNorm
from isthmus.parts.penalties.output_adversary import OutputAdversary
from isthmus.parts.penalties.penalty import Penalty, names_of
from isthmus.parts.penalties.sparsity import ActivationL1, SparsityKl
from isthmus.parts.penalties.transport import Sinkhorn, Sliced

__all__ = [
    "ActivationL1",
    "CodeAdversary",
    "CodeNorm",
    "Contraction",
    "DecoderNorm",
    "Decorrelation",
    "Kl",
    "Mmd",
    "OutputAdversary",
    "Penalty",
    "Sinkhorn",
    "Sliced",
    "SparsityKl",
    "names_of",
]
