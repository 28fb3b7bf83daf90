"""Penalties: terms that the loss adds to the distance."""

from isthmus.parts.penalties.adversary import CodeAdversary, IndependenceAdversary
from isthmus.parts.penalties.code_entropy import CodeEntropy
from isthmus.parts.penalties.contraction import Contraction
from isthmus.parts.penalties.covariance import Covariance
from isthmus.parts.penalties.decorrelation import Decorrelation
from isthmus.parts.penalties.dictionary import CodeL0, DeadLatents, DecoderL1, GateError, GateL1, Prefixes
from isthmus.parts.penalties.kl import Kl
from isthmus.parts.penalties.mmd import Mmd
from isthmus.parts.penalties.norms import CodeNorm, DecoderNorm
from isthmus.parts.penalties.output_adversary import OutputAdversary
from isthmus.parts.penalties.penalty import Penalty, names_of
from isthmus.parts.penalties.sparsity import ActivationL1, SparsityKl
from isthmus.parts.penalties.total_correlation import TotalCorrelation
from isthmus.parts.penalties.transport import Sinkhorn, Sliced

__all__ = [
    "ActivationL1",
    "CodeAdversary",
    "CodeEntropy",
    "CodeL0",
    "CodeNorm",
    "Contraction",
    "Covariance",
    "DeadLatents",
    "DecoderL1",
    "DecoderNorm",
    "Decorrelation",
    "GateError",
    "GateL1",
    "IndependenceAdversary",
    "Kl",
    "Mmd",
    "OutputAdversary",
    "Penalty",
    "Prefixes",
    "Sinkhorn",
    "Sliced",
    "SparsityKl",
    "TotalCorrelation",
    "names_of",
]
