"""The distances between the decoder's output and the clean target. Some are likelihoods."""

from isthmus.parts.distances.bernoulli import Bce
from isthmus.parts.distances.column_likelihood import ColumnLikelihood
from isthmus.parts.distances.columns import Columns
from isthmus.parts.distances.counts import NegativeBinomial, Poisson
from isthmus.parts.distances.custom import Custom
from isthmus.parts.distances.distance import Distance
from isthmus.parts.distances.errors import L1, Mse, Psnr, Sse
from isthmus.parts.distances.gaussian import Gaussian
from isthmus.parts.distances.levels import Categorical, DiscretisedLogistic
from isthmus.parts.distances.likelihood import Likelihood
from isthmus.parts.distances.links import Links
from isthmus.parts.distances.mixture import LogisticMixture
from isthmus.parts.distances.seen import MsSsim, Perceptual
from isthmus.parts.distances.tokens import Tokens

__all__ = [
    "L1",
    "Bce",
    "Categorical",
    "ColumnLikelihood",
    "Columns",
    "Custom",
    "DiscretisedLogistic",
    "Distance",
    "Gaussian",
    "Likelihood",
    "Links",
    "LogisticMixture",
    "MsSsim",
    "Mse",
    "NegativeBinomial",
    "Perceptual",
    "Poisson",
    "Psnr",
    "Sse",
    "Tokens",
]
