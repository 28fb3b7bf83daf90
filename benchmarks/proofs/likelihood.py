"""How probable digits of black and white are to a model, compared with a VAE of the same network."""

from typing import Any

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from benchmarks.proofs.varieties.iwae import black_and_white, difference_error
from isthmus.measures import elbo, log_likelihood

SAMPLES, DRAWS = 1000, 500
"""Test digits whose likelihood is measured, and draws of each one's code."""


def compared_with_vae(bench: Bench, blueprint: ist.Blueprint, **options: Any) -> list[Row]:
    """-log p(x) of a variety and of `vae` with these options, trained alike, and new digits of both."""
    data = black_and_white(bench)
    named = {bench.name: blueprint, "vae": documented("vae", **options)}
    runs = {
        name: bench.train(name, one, data, batch_size=128, learning_rate=2e-3, schedule="cosine")
        for name, one in named.items()
    }
    few = data.test.take(torch.arange(min(SAMPLES, len(data.test))))
    found, plain = (log_likelihood(run.model, few, draws=DRAWS) for run in runs.values())
    bounds = [-elbo(run.model, data.test).value for run in runs.values()]
    bench.draw(mosaics({f"drawn from {name}": ist.sample(run, 64).values for name, run in runs.items()}, across=8))
    title = f"-log p(x), nats, of {len(few):,} test digits by {DRAWS} draws each"
    return [
        Row.at_most(title, -found.mean, -plain.mean, "the vae's", beside=-plain.mean),
        Row("standard error of the difference, digit by digit, nats", difference_error(found, plain)),
        Row("negative ELBO, nats", *bounds),
    ]
