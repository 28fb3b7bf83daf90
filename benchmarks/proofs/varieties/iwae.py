"""The bound tightens with the number of draws, and log p(x) is told with its standard error."""

import numpy as np
import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import LogLikelihood, log_likelihood

EPOCHS = 5
DRAWS = (1, 5, 50)
"""At which the bound is told, of the model trained with five."""
TOLD = 500
"""Digits of the test part whose likelihood is told, by 5,000 draws each."""


def prove(bench: Bench) -> list[Row]:
    """Trained with five draws and with one, on digits of black and white, for which BCE is a likelihood."""
    data = black_and_white(bench)
    runs = {
        title: bench.train(title, documented("iwae", draws=draws), data, batch_size=128)
        for title, draws in (("five draws", 5), ("one draw", 1))
    }
    iwae, vae = (run.model for run in runs.values())
    bounds = [log_likelihood(iwae, data.test, draws=draws).mean for draws in DRAWS]
    told = data.test.take(torch.arange(min(TOLD, len(data.test))))
    found, plain = log_likelihood(iwae, told), log_likelihood(vae, told)
    noise = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
    bench.draw(mosaics({f"drawn, trained with {title}": run.decode(noise) for title, run in runs.items()}, across=8))
    rows = [Row(f"bound of {DRAWS[0]} draw, nats", bounds[0])]
    rows += [
        Row.at_least(f"bound of {draws} draws, nats", bound, before, "of fewer draws")
        for draws, bound, before in zip(DRAWS[1:], bounds[1:], bounds, strict=False)
    ]
    return [
        *rows,
        Row(f"log p(x), nats, of the first {len(told):,} test digits by 5,000 draws each", found.mean, plain.mean),
        Row("its standard error, nats", found.standard_error, plain.standard_error),
        Row(
            "standard error of one digit by the draws alone, nats",
            float(found.errors.mean()),
            float(plain.errors.mean()),
        ),
        Row("standard error of the difference to one draw's, digit by digit, nats", difference_error(found, plain)),
    ]


def difference_error(one: LogLikelihood, other: LogLikelihood) -> float:
    """Standard error of the mean difference of the same samples, in nats."""
    return float((one.per_sample - other.per_sample).std()) / len(one.per_sample) ** 0.5


def black_and_white(bench: Bench) -> ist.Data:
    """The digits, each pixel once drawn white with the probability of its grey; kept beside the proof's runs."""
    given, file = bench.open(), bench.folder / bench.name / "black-and-white.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        place = np.random.default_rng(0)
        top = given.train.tensor().max().item()
        parts = {}
        for name, samples in (("train", given.train), ("test", given.test)):
            grey = samples.tensor().numpy() / top
            parts[f"x_{name}"] = (place.random(grey.shape) < grey).astype(np.uint8)
        np.savez_compressed(file, **parts)
    return ist.open_data(file, scaling="none", validation=0)
