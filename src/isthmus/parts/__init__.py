"""The parts of an autoencoder: frozen values that carry their own mathematics. They know torch only."""

from isthmus.parts.codes import Code, CodeKind, Plain
from isthmus.parts.corruptions import Corruption
from isthmus.parts.distances import L1, Bce, Distance, Gaussian, Mse, Sse
from isthmus.parts.networks import Conv, Dense, Network
from isthmus.parts.part import Part, Shape, Value
from isthmus.parts.penalties import ActivationL1, Penalty

__all__ = [
    "L1",
    "ActivationL1",
    "Bce",
    "Code",
    "CodeKind",
    "Conv",
    "Corruption",
    "Dense",
    "Distance",
    "Gaussian",
    "Mse",
    "Network",
    "Part",
    "Penalty",
    "Plain",
    "Shape",
    "Sse",
    "Value",
]
