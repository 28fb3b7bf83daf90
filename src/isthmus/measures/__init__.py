"""Measures of a model's quality."""

from isthmus.measures.dictionary import absorption, detection, matched_cosine
from isthmus.measures.disentangled import (
    Dci,
    Disentanglement,
    Interval,
    beta_vae_score,
    dci,
    disentanglement,
    factor_vae_score,
    mig,
    modularity,
    sap,
)
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
    "Dci",
    "Disentanglement",
    "Elbo",
    "Evaluation",
    "Generation",
    "Interval",
    "LogLikelihood",
    "Measures",
    "Nearest",
    "Unit",
    "absorption",
    "area_under_curve",
    "average_precision",
    "beta_vae_score",
    "bits_per_dimension",
    "dci",
    "detection",
    "disentanglement",
    "elbo",
    "evaluate",
    "explained_variance",
    "factor_vae_score",
    "frechet_distance",
    "gradient_energy",
    "has_likelihood",
    "judge_draws",
    "link_measures",
    "log_density",
    "log_likelihood",
    "log_spectral_distance",
    "matched_cosine",
    "mig",
    "modularity",
    "mse",
    "nearest_samples",
    "psnr",
    "sap",
    "si_sdr",
    "sse",
    "ssim",
    "unit_of",
]
