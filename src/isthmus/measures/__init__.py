"""Measures of a model's quality."""

from isthmus.measures.evaluation import Evaluation, Measures, Unit, evaluate, unit_of
from isthmus.measures.generation import Generation, frechet_distance, gradient_energy, judge_draws
from isthmus.measures.graphs import area_under_curve, average_precision, link_measures
from isthmus.measures.likelihood import (
    Elbo,
    LogLikelihood,
    bits_per_dimension,
    elbo,
    has_likelihood,
    log_density,
    log_likelihood,
)
from isthmus.measures.nearest import Nearest, nearest_samples
from isthmus.measures.reconstruction import explained_variance, mse, psnr, sse, ssim
from isthmus.measures.sound import log_spectral_distance, si_sdr

__all__ = [
    "Elbo",
    "Evaluation",
    "Generation",
    "LogLikelihood",
    "Measures",
    "Nearest",
    "Unit",
    "area_under_curve",
    "average_precision",
    "bits_per_dimension",
    "elbo",
    "evaluate",
    "explained_variance",
    "frechet_distance",
    "gradient_energy",
    "has_likelihood",
    "judge_draws",
    "link_measures",
    "log_density",
    "log_likelihood",
    "log_spectral_distance",
    "mse",
    "nearest_samples",
    "psnr",
    "si_sdr",
    "sse",
    "ssim",
    "unit_of",
]
