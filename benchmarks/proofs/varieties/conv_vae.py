"""A digit costs fewer nats than the dense VAE's with as large a code and as many epochs."""

import torch

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import elbo

EPOCHS = 4
RATES = (2e-3, 4e-3, 8e-3)


def prove(bench: Bench) -> list[Row]:
    """The negative ELBO beside the dense one's, each at the rate that the validation part prefers, and new digits."""
    data = bench.open(validation=0.1)
    runs, rates = {}, {}
    for name in ("conv-vae", "vae"):
        tried = {
            rate: bench.train(
                f"{name}-{rate}", documented(name), data, batch_size=128, learning_rate=rate, schedule="cosine"
            )
            for rate in RATES
        }
        rates[name] = max(tried, key=lambda rate: elbo(tried[rate].model, data.validation).value)
        runs[name] = tried[rates[name]]
    found = {name: elbo(run.model, data.test) for name, run in runs.items()}
    drawn = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
    bench.draw(
        mosaics({f"drawn from the {name}'s prior": run.decode(drawn) / 255 for name, run in runs.items()}, across=8)
    )
    costs = {name: -bound.value for name, bound in found.items()}
    return [
        Row.at_most("negative ELBO, nats", costs["conv-vae"], costs["vae"], "the dense one's", beside=costs["vae"]),
        Row("KL, nats", *(float(found[name].kl.sum()) for name in runs)),
        Row("learning rate, chosen by the validation part", *rates.values()),
    ]
