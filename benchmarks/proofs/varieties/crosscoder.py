"""The norms of its directions say in which layers a feature lies: in the first, in the second, or in both."""

import torch
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from isthmus.measures import matched_cosine
from isthmus.measures.dictionary import cosines
from isthmus.parts.penalties.dictionary import layer_norms

EPOCHS = 30
FEATURES, WIDTH, LATENTS, RATE, SAMPLES = 48, 24, 64, 0.06, 20_000
"""A third of the features lies in the first layer, a third in the second, and a third in both; each is active at a
rate of `RATE`."""
WITHIN = 0.25
"""A direction lies in one layer if the other has less than this share of its norms."""


def prove(bench: Bench) -> list[Row]:
    """The share of features whose layers the norms give, next to a dictionary of both layers with free directions."""
    features, layers = _features()
    train = _activations(features, SAMPLES, seed=1)
    bench.data.append(f"made-up activations of {FEATURES} features in two layers of {WIDTH}: {SAMPLES:,} to train")
    data = ist.open_data(train, kind="series", scaling="rms", validation=0, test=0)
    blueprint = ist.recipe("crosscoder", code=LATENTS)
    settings = {"batch_size": 256, "learning_rate": 3e-3, "schedule": "linear", "compile": False}
    runs = {
        "crosscoder": bench.train("crosscoder", blueprint, data, **settings),
        "plain": bench.train("plain", blueprint.replace(penalties=()), data, **settings),
    }
    shares, matched, active = (
        {name: of(run) for name, run in runs.items()}
        for of in (
            lambda run: _share(run, features, layers),
            lambda run: matched_cosine(_directions(run), features.flatten(1)),
            lambda run: float((run.encode(train[:2000]) != 0).double().sum(1).mean()),
        )
    )
    return [
        Row.at_least(
            "share of features whose layers the norms give",
            shares["crosscoder"],
            0.9,
            "nine of ten",
            beside=shares["plain"],
        ),
        Row.at_least(
            "MCC of directions and features",
            matched["crosscoder"],
            matched["plain"],
            "without the penalty",
            beside=matched["plain"],
        ),
        Row("active directions of a sample", active["crosscoder"], active["plain"]),
        Row("active features of a sample", RATE * FEATURES),
    ]


def _features() -> tuple[Tensor, Tensor]:
    """(F, 2, D) the features' directions in both layers, and (F,) 0 in the first, 1 in the second, 2 in both."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(FEATURES, 2, WIDTH, generator=generator), dim=2)
    layers = torch.arange(FEATURES) % 3
    directions[layers == 0, 1] = 0
    directions[layers == 1, 0] = 0
    return directions, layers


def _activations(features: Tensor, count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    active = torch.rand(count, FEATURES, generator=generator) < RATE
    strengths = active * (1 + 0.2 * torch.randn(count, FEATURES, generator=generator)).abs()
    return torch.einsum("nf,fld->nld", strengths, features)


def _directions(run: ist.Run) -> Tensor:
    return run.model.decoder.get_parameter("output.weight").detach().cpu().T


def _share(run: ist.Run, features: Tensor, layers: Tensor) -> float:
    """Each feature is looked up in the direction that resembles it most."""
    norms = layer_norms(run.model.decoder.get_submodule("output"), run.model.shape).cpu()  # pyright: ignore[reportArgumentType]
    second = (norms[1] / norms.sum(0))[cosines(_directions(run), features.flatten(1)).argmax(0)]
    found = torch.where(second < WITHIN, 0, torch.where(second > 1 - WITHIN, 1, 2))
    return float((found == layers).double().mean())
