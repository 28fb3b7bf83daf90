"""A digit costs fewer nats than the dense VAE's with as large a code and as many epochs."""

import torch
from proving import Bench, Row
from sheets import mosaics

import isthmus as ist
from isthmus.measures import elbo

EPOCHS = 4


def prove(bench: Bench) -> list[Row]:
    """The negative ELBO beside the dense one's, and new digits of both."""
    data = bench.open()
    runs = {
        name: bench.train(name, ist.recipe(name), data, batch_size=128, learning_rate=2e-3, schedule="cosine")
        for name in ("conv-vae", "vae")
    }
    found = {name: elbo(run.model, data.test) for name, run in runs.items()}
    drawn = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
    bench.draw(
        mosaics({f"drawn from the {name}'s prior": run.decode(drawn) / 255 for name, run in runs.items()}, across=8)
    )
    costs = {name: -bound.value for name, bound in found.items()}
    return [
        Row.at_most("negative ELBO, nats", costs["conv-vae"], costs["vae"], "the dense one's", beside=costs["vae"]),
        Row("KL, nats", *(float(found[name].kl.sum()) for name in runs)),
    ]
