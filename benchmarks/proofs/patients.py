"""Models for the doctor: made sick on purpose, one illness each, and healthy ones of many recipes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

import isthmus as ist
from isthmus.training import Settings

USUAL = {"epochs": 60, "batch_size": 64, "learning_rate": 3e-3}
"""How all are trained, unless the illness is in one of these."""


def digits(seed: int) -> ist.Data:
    """1,797 digits of 8 × 8 in parts drawn by the seed."""
    return ist.open_data("digits", seed=seed)


def few_digits(seed: int, count: int) -> ist.Data:
    """So many of them to train, 80 to test."""
    some = digits(seed).train.take(range(count + 80))
    return ist.open_data(some, validation=0, test=80 / len(some), seed=seed)


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


class Leap(nn.Module):
    """A decoder that is exact where the code's first number is beyond 1, and far off in between."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(N, 5) codes to (N, 6) rows, of which the last number is the second."""
        rows = torch.cat((z, z[:, 1:2]), 1)
        return torch.where(z[:, :1].abs() > 1, rows, 30 * torch.ones_like(rows))


class First(nn.Module):
    """An encoder that keeps all numbers but the last."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 6) rows to (N, 5) codes."""
        return x[:, :-1]


def gaps(seed: int) -> ist.Run:
    """Rows of two groups, and a decoder that leaps in between."""
    rows = np.random.default_rng(seed).normal(size=(400, 6))
    rows[:, 0] = np.where(rows[:, 0] > 0, 2, -2) + 0.1 * rows[:, 0]
    rows[:, 5] = rows[:, 1]
    data = ist.open_data(rows.astype(np.float32), scaling="none", test=0.25, validation=0, seed=seed)
    model = ist.Autoencoder(First(), Leap(), shape=(6,))
    return ist.Run(model.eval(), Settings(), data=data, description=data.description)


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
    """Noise to be taken off, by a model that begins far too bright and is hardly trained."""
    data = digits(seed)
    model = built("denoise", data, seed, channels=(8, 8), sigma=0.1)
    with torch.no_grad():
        model.decoder.get_submodule("output").get_parameter("bias").add_(0.5)
    return train(model, data, seed=seed, epochs=1)


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
