"""How good a model is, in numbers."""

from isthmus.measures.evaluation import Evaluation, Unit, evaluate, judging, unit_of
from isthmus.measures.likelihood import Elbo, LogLikelihood, elbo, log_likelihood
from isthmus.measures.nearest import Nearest, nearest_samples
from isthmus.measures.reconstruction import explained_variance, mse, psnr, sse, ssim

__all__ = [
    "Elbo",
    "Evaluation",
    "LogLikelihood",
    "Nearest",
    "Unit",
    "elbo",
    "evaluate",
    "explained_variance",
    "judging",
    "log_likelihood",
    "mse",
    "nearest_samples",
    "psnr",
    "sse",
    "ssim",
    "unit_of",
]
