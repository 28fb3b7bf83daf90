"""Synonyms: names of settings, options and recipes in other libraries and papers."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from isthmus.errors import BlueprintError
from isthmus.options import TrainingOptions, options_of

SETTINGS = {
    "batch": "batch_size",
    "batchsize": "batch_size",
    "bs": "batch_size",
    "early_stopping": "patience",
    "epoch": "epochs",
    "grad_clip": "clip",
    "gradient_clip": "clip",
    "gradient_clip_val": "clip",
    "l_r": "learning_rate",
    "learning_rate_init": "learning_rate",
    "lr": "learning_rate",
    "lr_schedule": "schedule",
    "lr_scheduler": "schedule",
    "max_epochs": "epochs",
    "max_grad_norm": "clip",
    "max_iter": "epochs",
    "n_epochs": "epochs",
    "nb_epoch": "epochs",
    "num_epochs": "epochs",
    "optim": "optimiser",
    "optimizer": "optimiser",
    "random_seed": "seed",
    "random_state": "seed",
    "scheduler": "schedule",
    "warm_up": "warmup",
    "warmup_epochs": "warmup",
    "wd": "weight_decay",
}
"""Synonyms of the fields of `isthmus.training.Settings`."""

TRAINING = frozenset(options_of(TrainingOptions))
"""Training settings, to explain the error if one is given as a model option."""

OPTIONS = {
    "act": "activation",
    "activation_fn": "activation",
    "beta": "kl.weight",
    "bottleneck": "code",
    "code_dim": "code",
    "code_size": "code",
    "codebook_size": "entries",
    "criterion": "distance",
    "drop_out": "dropout",
    "embedding_dim": "code",
    "encoding_dim": "code",
    "filters": "channels",
    "hidden": "widths",
    "hidden_dim": "widths",
    "hidden_dims": "widths",
    "hidden_layer_sizes": "widths",
    "hidden_layers": "widths",
    "hidden_size": "widths",
    "hidden_sizes": "widths",
    "hidden_units": "widths",
    "kernel_size": "kernel",
    "kl_weight": "kl.weight",
    "latent": "code",
    "latent_dim": "code",
    "latent_dims": "code",
    "latent_size": "code",
    "layer_sizes": "widths",
    "layers": "widths",
    "loss": "distance",
    "loss_fn": "distance",
    "n_codes": "entries",
    "n_components": "code",
    "n_hidden": "widths",
    "n_latent": "code",
    "noise": "sigma",
    "noise_level": "sigma",
    "noise_std": "sigma",
    "nonlinearity": "activation",
    "num_embeddings": "entries",
    "num_hiddens": "widths",
    "reconstruction_loss": "distance",
    "rho": "rate",
    "tie_weights": "tied",
    "tied_weights": "tied",
    "units": "widths",
    "z_dim": "code",
    "zdim": "code",
}
"""Synonyms of a recipe's options (`Blueprint.with_options`)."""

RECIPES = {
    "adversarial": ("aae",),
    "annealed-vae": ("capacity-vae",),
    "ae": ("deep", "vanilla"),
    "autoencoder": ("deep", "vanilla"),
    "btc-vae": ("beta-tc-vae",),
    "cae": ("conv", "contractive"),
    "cnn": ("conv",),
    "colorize": ("recolour",),
    "conditional-vae": ("cvae",),
    "convolutional": ("conv",),
    "dae": ("denoising", "denoise"),
    "deep-svdd": ("one-class",),
    "elm": ("extreme-learning",),
    "fourier-features": ("random-features",),
    "disentangled-beta-vae": ("capacity-vae",),
    "dvae": ("denoising-vae",),
    "geometry-vae": ("riemannian-vae",),
    "gmvae": ("mixture-vae",),
    "gumbel-vq": ("gumbel",),
    "hierarchical-vae": ("ladder-vae",),
    "hvae": ("hamiltonian-vae", "ladder-vae"),
    "hyperbolic-vae": ("poincare-vae",),
    "infovae-mmd": ("info-vae",),
    "inpainting": ("inpaint",),
    "klsae": ("sparse-kl",),
    "lin-nf": ("planar-vae",),
    "lstm": ("series-gru",),
    "mlp": ("deep", "multilayer"),
    "mmd-vae": ("info-vae",),
    "ml-elm": ("extreme-learning",),
    "random-fourier-features": ("random-features",),
    "rff": ("random-features",),
    "opqvae": ("opq",),
    "pqvae": ("pq",),
    "pvae": ("poincare-vae",),
    "rae-l2": ("rae",),
    "residual-fsq": ("rfsq",),
    "rhvae": ("riemannian-vae",),
    "rnn": ("series-gru",),
    "rq-vae": ("rvq",),
    "sae": ("sparse", "stacked"),
    "svdd": ("one-class",),
    "semantic-hashing": ("hashing",),
    "semhash": ("hashing",),
    "svae": ("hyperspherical-vae",),
    "swae": ("sliced-wae",),
    "spherical": ("hyperspherical-vae",),
    "super-resolution": ("upscale",),
    "superresolution": ("upscale",),
    "tabular": ("table",),
    "timeseries": ("series",),
    "topksae": ("topk", "k-sparse"),
    "vae-iaf": ("iaf-vae",),
    "vae-lin-nf": ("planar-vae",),
    "vamp": ("vamp-vae",),
    "vampprior-vae": ("vamp-vae",),
    "variational": ("vae",),
    "vqvae": ("vq",),
    "vqvae2": ("vq2",),
    "wae-mmd": ("wae",),
    "wasserstein": ("wae",),
}
"""The recipes that a word may mean. A single one is used; if there are several, the message names them."""


def translated(words: Mapping[str, Any], synonyms: Mapping[str, str], known: Iterable[str]) -> dict[str, Any]:
    """The same values with synonyms replaced by known names; other words stay unchanged.

    >>> translated({"lr": 0.1, "epochs": 5}, SETTINGS, ["learning_rate", "epochs"])
    {'learning_rate': 0.1, 'epochs': 5}

    Raises:
        BlueprintError: a value is given under two names.
    """
    known, named = set(known), {}
    for word, value in words.items():
        meant = synonyms.get(word, word)
        name = word if word in known or meant not in known else meant
        if name in named:
            raise BlueprintError(f"{name!r} is given twice, also as {word!r}. Give it once.")
        named[name] = value
    return named


def meant_recipes(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known recipes that a name can mean, in any spelling: `Beta_VAE`, `sparse autoencoder`, `vqvae`.

    >>> meant_recipes("VQ-VAE", ["vq", "vae"])
    ('vq',)
    """
    by_key = {_key(recipe): (recipe,) for recipe in known}
    by_key = {_key(word): recipes for word, recipes in RECIPES.items() if set(recipes) <= set(known)} | by_key
    key = _key(name)
    return by_key.get(key) or by_key.get(re.sub(r"(autoencoder|ae)s?$", "", key), ())


def _key(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
