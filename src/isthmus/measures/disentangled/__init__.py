"""Disentanglement: whether each latent dimension describes one factor of variation, from codes and factors alone."""

from isthmus.measures.disentangled.information import mig, modularity
from isthmus.measures.disentangled.predictors import Dci, dci, sap
from isthmus.measures.disentangled.scores import Disentanglement, Interval, disentanglement
from isthmus.measures.disentangled.votes import beta_vae_score, factor_vae_score

__all__ = [
    "Dci",
    "Disentanglement",
    "Interval",
    "beta_vae_score",
    "dci",
    "disentanglement",
    "factor_vae_score",
    "mig",
    "modularity",
    "sap",
]
