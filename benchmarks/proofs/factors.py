"""Codes of sprites with five known factors: each recipe that disentangles beside a VAE of the same network and budget.

One training says little here, because seeds differ more than recipes do; so each number is a mean over seeds.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import dci, elbo, mig

SIZE, SEEDS, SAMPLES = 10, 2, 3000
"""Latent dimensions of each model, trainings of each, and samples that are measured."""
SETTINGS: dict[str, Any] = {"batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine", "compile": False}

Measure = Callable[[ist.Run, ist.Samples], float]


def compared_with_vae(bench: Bench, of: dict[str, Measure], *, kinds: int = 0) -> dict[str, tuple[float, float]]:
    """Each number of the recipe and of `vae`, by its title: those of `of`, then MIG, DCI, the error and the KL.

    kinds: latent dimensions that the recipe's classes take the place of.
    """
    data = ist.open_data("sprites", validation=0)
    bench.data.append(f"sprites: {len(data.train):,} to train, {len(data.test):,} to test")
    measures = of | {"MIG": _mig, "DCI disentanglement": _dci, "distance, nats": _distance, "KL, nats": _kl}
    found: dict[str, list[list[float]]] = {}
    runs = {}
    for name in (bench.name, "vae"):
        blueprint = ist.recipe(name, code=SIZE - kinds if name == bench.name else SIZE)
        for seed in range(SEEDS):
            runs[name] = bench.train(f"{name}-{seed}", blueprint, data, seed=seed, **SETTINGS)
            found.setdefault(name, []).append([measure(runs[name], data.test) for measure in measures.values()])
    sheet = {f"drawn from {name}": ist.sample(run, 32).values / 255 for name, run in runs.items()}
    bench.draw(mosaics(sheet, across=8))
    ours, others = (np.mean(found[name], 0).tolist() for name in (bench.name, "vae"))
    return {title: (one, other) for title, one, other in zip(measures, ours, others, strict=True)}


def stated(numbers: dict[str, tuple[float, float]]) -> list[Row]:
    """Numbers that are only stated."""
    return [Row(title, *pair) for title, pair in numbers.items()]


def correlation(run: ist.Run, samples: ist.Samples) -> float:
    """The root of the mean squared correlation of two of the latent dimensions' means."""
    codes = _codes(run, samples)
    correlations = torch.corrcoef(codes[:, codes.std(0) > 1e-6].T)
    return float(correlations[~torch.eye(len(correlations), dtype=torch.bool)].square().mean().sqrt())


def total_correlation(run: ist.Run, samples: ist.Samples) -> float:
    r"""The total correlation of draws in nats, if they were normal: :math:`-\frac12 \log\det R`, R the correlations."""
    drawn = drawn_codes(run, samples)
    return float(-0.5 * torch.linalg.slogdet(torch.corrcoef(drawn.T)).logabsdet)


def in_use(run: ist.Run, samples: ist.Samples) -> float:
    """How many latent dimensions have a mean whose variance is above 0.01."""
    return float((_codes(run, samples).var(0) > 0.01).sum())


@torch.no_grad()
def drawn_codes(run: ist.Run, samples: ist.Samples) -> Tensor:
    """(N, D) float64: a draw of the code of each sample."""
    model, rows = run.model.eval(), torch.arange(min(SAMPLES, len(samples)))
    draws = model.draw(len(rows), torch.Generator().manual_seed(0))
    return model(samples.batch(rows), draws=draws).code.z.double()


def _codes(run: ist.Run, samples: ist.Samples) -> Tensor:
    return run.encode(samples.some(SAMPLES)).flatten(1).double()


def _mig(run: ist.Run, samples: ist.Samples) -> float:
    return mig(_codes(run, samples), _factors(samples))


def _dci(run: ist.Run, samples: ist.Samples) -> float:
    return dci(_codes(run, samples), _factors(samples)).disentanglement


def _factors(samples: ist.Samples) -> Tensor:
    factors = samples.some(SAMPLES).factors
    assert factors is not None
    return factors


def _distance(run: ist.Run, samples: ist.Samples) -> float:
    return elbo(run.model, samples).distance


def _kl(run: ist.Run, samples: ist.Samples) -> float:
    return float(elbo(run.model, samples).kl.sum())
