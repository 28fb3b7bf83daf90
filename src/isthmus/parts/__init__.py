"""The parts of an autoencoder: frozen values that carry their own mathematics. They know torch only."""

from isthmus.parts.beside import Beside
from isthmus.parts.codes import Code, CodeKind, DiagonalGaussian, Fsq, GaussianCode, Plain, Rvq, TopK, Vq
from isthmus.parts.corruptions import Blur, Corruption, GaussianNoise, Jpeg, Masking, Patch, SaltAndPepper, Speckle
from isthmus.parts.distances import (
    L1,
    Bce,
    Categorical,
    DiscretisedLogistic,
    Distance,
    Gaussian,
    Mse,
    NegativeBinomial,
    Poisson,
    Sse,
)
from isthmus.parts.facts import Facts
from isthmus.parts.networks import Conv, Dense, Gru, Network, Residual
from isthmus.parts.part import Part, Shape, Value
from isthmus.parts.penalties import (
    ActivationL1,
    CodeAdversary,
    Contraction,
    Kl,
    Mmd,
    OutputAdversary,
    Penalty,
    SparsityKl,
)

__all__ = [
    "L1",
    "ActivationL1",
    "Bce",
    "Beside",
    "Blur",
    "Categorical",
    "Code",
    "CodeAdversary",
    "CodeKind",
    "Contraction",
    "Conv",
    "Corruption",
    "Dense",
    "DiagonalGaussian",
    "DiscretisedLogistic",
    "Distance",
    "Facts",
    "Fsq",
    "Gaussian",
    "GaussianCode",
    "GaussianNoise",
    "Gru",
    "Jpeg",
    "Kl",
    "Masking",
    "Mmd",
    "Mse",
    "NegativeBinomial",
    "Network",
    "OutputAdversary",
    "Part",
    "Patch",
    "Penalty",
    "Plain",
    "Poisson",
    "Residual",
    "Rvq",
    "SaltAndPepper",
    "Shape",
    "SparsityKl",
    "Speckle",
    "Sse",
    "TopK",
    "Value",
    "Vq",
]
