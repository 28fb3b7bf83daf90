"""Models for the doctor: made sick on purpose, one illness each, and healthy ones of many recipes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import isthmus as ist

USUAL = {"epochs": 60, "batch_size": 64, "learning_rate": 3e-3}
"""How all are trained, unless the illness is in one of these."""


def digits(seed: int) -> ist.Data:
    """1,797 digits of 8 × 8 in parts drawn by the seed."""
    return ist.open_data("digits", seed=seed)


def few_digits(seed: int, count: int) -> ist.Data:
    """So many of them to train, 80 to test."""
    some = digits(seed).train.take(range(count + 80))
    return ist.open_data(some, validation=0, test=80 / len(some), seed=seed)


def groups(seed: int) -> ist.Data:
    """400 rows of 16 numbers, in eight groups with nothing between them."""
    generator = np.random.default_rng(seed)
    centres = 3 * generator.normal(size=(8, 16))
    rows = centres[generator.integers(0, 8, 400)] + 0.1 * generator.normal(size=(400, 16))
    return ist.open_data(rows.astype(np.float32), test=0.25, seed=seed)


def train(model: ist.Autoencoder, data: ist.Data, **settings: Any) -> ist.Run:
    """A run in memory."""
    return ist.fit(model, data, progress=False, compile=False, **USUAL | settings)


def built(recipe: str, data: ist.Data, seed: int, **options: Any) -> ist.Autoencoder:
    """A recipe's model, with its weights drawn by the seed."""
    return ist.recipe(recipe, **{"start": "mean"} | options).build(data, seed=seed, remarks=False)


def copying(seed: int) -> ist.Run:
    """A linear code of twice as many numbers as the data have."""
    data = digits(seed)
    return train(built("vanilla", data, seed, code=128, code__activation="identity"), data, seed=seed)


def no_bottleneck(seed: int) -> ist.Run:
    """Sixteen numbers for rows of nine, in a network that bends and so doesn't copy everything."""
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(600, 3)) @ generator.normal(size=(3, 9)) + 0.3 * generator.normal(size=(600, 9))
    data = ist.open_data(table.astype(np.float32), seed=seed)
    return train(built("deep", data, seed, code=16, widths=(32,)), data, seed=seed)


def memorising(seed: int) -> ist.Run:
    """One number for each of 80 digits, and a decoder that is large enough to look them up."""
    data = few_digits(seed, 80)
    model = built("deep", data, seed, code=1, widths=(256, 256))
    return train(model, data, seed=seed, epochs=400, batch_size=16, learning_rate=1e-3)


def replaying(seed: int) -> ist.Run:
    """The same with 20 digits and one layer more: whatever goes in, one of them comes out, or nearly."""
    data = few_digits(seed, 20)
    model = built("deep", data, seed, code=1, widths=(256, 256, 256))
    return train(model, data, seed=seed, epochs=600, batch_size=8, learning_rate=1e-3, schedule="cosine")


def dead(seed: int) -> ist.Run:
    """100 of 128 ReLUs begin below anything that could wake them."""
    data = digits(seed)
    model = built("deep", data, seed, code=8, activation="relu")
    with torch.no_grad():
        model.encoder.get_submodule("dense1.0").bias[:100] = -10.0
    return train(model, data, seed=seed)


def saturated(seed: int) -> ist.Run:
    """The first layer's weights begin 300 times too large for its tanh."""
    data = digits(seed)
    model = built("deep", data, seed, code=8, activation="tanh")
    with torch.no_grad():
        model.encoder.get_submodule("dense1.0").weight *= 300
    return train(model, data, seed=seed)


def duplicates(seed: int) -> ist.Run:
    """Half of the code begins as a copy of the other half, on both sides, so that all gradients are the same."""
    data = digits(seed)
    model = built("vanilla", data, seed, code=16)
    encoder, decoder = model.encoder.get_submodule("code"), model.decoder.get_submodule("output")
    with torch.no_grad():
        encoder.weight[8:] = encoder.weight[:8]
        decoder.weight[:, 8:] = decoder.weight[:, :8]
    return train(model, data, seed=seed)


def collapse(seed: int) -> ist.Run:
    """A KL that counts twenty times."""
    data = digits(seed)
    return train(built("vae", data, seed, code=8, widths=(64,), weight=20), data, seed=seed, epochs=20)


def rate_too_high(seed: int) -> ist.Run:
    """A hundred times the usual rate."""
    data = digits(seed)
    return train(built("deep", data, seed, code=8), data, seed=seed, learning_rate=0.3, epochs=20)


def rate_too_low(seed: int) -> ist.Run:
    """A hundredth of the usual rate."""
    data = digits(seed)
    return train(built("deep", data, seed, code=8), data, seed=seed, learning_rate=3e-5, epochs=20)


def overfitting(seed: int) -> ist.Run:
    """A large network for a small table that is half noise, and no early stop."""
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(200, 3)) @ generator.normal(size=(3, 12)) + generator.normal(size=(200, 12))
    data = ist.open_data(table.astype(np.float32), validation=0.3, test=0.3, seed=seed)
    return train(built("deep", data, seed, code=4, widths=(256, 128)), data, seed=seed, epochs=100, batch_size=16)


def gaps(seed: int) -> ist.Run:
    """Two numbers for rows that fall into groups: the plane between these was never trained."""
    data = groups(seed)
    return train(built("deep", data, seed, code=2, widths=(64, 32)), data, seed=seed, batch_size=32)


def worse_than_pca(seed: int) -> ist.Run:
    """A code of 32 sigmoids, which bend what a straight line holds better."""
    data = digits(seed)
    return train(built("vanilla", data, seed, code=32, code__activation="sigmoid"), data, seed=seed)


def imbalance(seed: int) -> ist.Run:
    """No zeros among the training samples."""
    data = digits(seed)
    labels = data.train.labels
    assert labels is not None
    data = replace(data, train=data.train.take((labels != 0).nonzero()[:, 0]))
    return train(built("deep", data, seed, code=8), data, seed=seed)


def unscaled(seed: int) -> ist.Run:
    """A table whose columns have thousands, units and thousandths, as they came."""
    generator = np.random.default_rng(seed)
    inner = generator.normal(size=(600, 3))
    table = inner @ generator.normal(size=(3, 9)) + 0.1 * generator.normal(size=(600, 9))
    data = ist.open_data((table * np.repeat([1e3, 1.0, 1e-3], 3)).astype(np.float32), scaling="none", seed=seed)
    return train(built("deep", data, seed, code=3, widths=(32,)), data, seed=seed)


def worse_than_nothing(seed: int) -> ist.Run:
    """Noise to be taken off pictures that are nothing like those of the training: pixels that are all drawn alone."""
    data = digits(seed)
    values = torch.randint(0, 256, data.test.tensor().shape, generator=torch.Generator().manual_seed(seed))
    strange = replace(data.test, values=values.to(data.test.tensor().dtype))
    model = built("denoise", data, seed, channels=(8, 8), sigma=0.1)
    return train(model, replace(data, test=strange), seed=seed, epochs=15)


SICK: dict[str, Callable[[int], ist.Run]] = {
    "copying": copying,
    "no bottleneck": no_bottleneck,
    "memorising": memorising,
    "replaying": replaying,
    "dead units": dead,
    "saturated units": saturated,
    "duplicate units": duplicates,
    "posterior collapse": collapse,
    "learning rate too high": rate_too_high,
    "learning rate too low": rate_too_low,
    "overfitting": overfitting,
    "worse than PCA": worse_than_pca,
    "worse than nothing": worse_than_nothing,
    "latent gaps": gaps,
    "class imbalance": imbalance,
    "scaling": unscaled,
}
"""The illness that each is made to have."""

HEALTHY: dict[str, dict[str, Any]] = {
    "vanilla": {"code": 16},
    "deep": {"code": 8},
    "conv": {"code": 8, "channels": (16, 32), "form": "strided"},
    "vae": {"code": 8},
    "tied": {"code": 8},
    "denoising": {},
    "sparse": {},
    "sparse-kl": {},
    "k-sparse": {"code": 100, "k": 0.1},
    "contractive": {},
    "pca": {"code": 8},
    "denoise": {"channels": (8, 8), "sigma": 0.3},
}
"""Recipes and their options."""


def healthy(recipe: str, seed: int) -> ist.Run:
    """Trained on digits as usual."""
    data = digits(seed)
    return train(built(recipe, data, seed, **HEALTHY[recipe]), data, seed=seed)
