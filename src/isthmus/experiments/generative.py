"""Measures of generative models in a study: ELBO, KL and bits of a part, and the Fréchet distance of draws."""

from collections.abc import Callable

import torch

from isthmus.data.samples import Samples
from isthmus.measures import bits_per_dimension, elbo, frechet_distance, has_likelihood
from isthmus.model.autoencoder import Autoencoder
from isthmus.pca import PCA
from isthmus.trained import TrainedModel
from isthmus.uses.sample import has_prior, source_of

FEATURES = 64
"""The most principal components of the data in which draws and samples are compared."""
DRAWS = 2000
"""The most draws, and real samples."""
ERROR, ERROR_OF_TOKENS = "mse", "nats"
"""The measures of models that aren't all trained for the ELBO."""


def aim_of(model: Autoencoder) -> str:
    """The objective of a model: "mse", or the ELBO with its likelihood, "elbo (bce)".

    ELBOs of different likelihoods have different units and can't be compared.
    """
    if not has_likelihood(model):
        return ERROR
    return f"elbo ({model.distance.kind})"


def generative(run: TrainedModel, samples: Samples, pca: Callable[[int], PCA]) -> dict[str, dict[str, float]]:
    """The measures that the model has, by name.

    elbo, kl: nats per sample, whatever the KL's weight in training. bits: per number of a sample, by the ELBO.
    frechet: between draws from the prior and as many samples, in the data's first principal components, scaled units².

    pca: returns this many of the data's first principal components.
    """
    found: dict[str, float] = {}
    if has_likelihood(run.model):
        bound = elbo(run.model, samples)
        found |= {"elbo": bound.value, "kl": float(bound.kl.sum())}
        found["bits"] = bits_per_dimension(run.model, bound.value, samples)
    if has_prior(run) and run.model.decodes and len(samples) > 1 and samples.kind != "tokens":
        real = samples.some(DRAWS)
        drawn = source_of(run).draw(len(real), torch.Generator().manual_seed(0)).values
        scaling = run.model.scaling
        components = pca(min(FEATURES, torch.Size(samples.shape).numel()))
        with torch.no_grad():
            features = [components.encode(scaling(of)).cpu() for of in (drawn, real.tensor())]
        if bool(features[0].isfinite().all()):
            found["frechet"] = frechet_distance(*features)
    return {name: {"model": value} for name, value in found.items()}
