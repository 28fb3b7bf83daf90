"""The larger the weight of the KL, the fewer nats the code holds, and the fewer of its numbers are used."""

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import elbo

EPOCHS = 3
WEIGHTS = (1.0, 4.0, 16.0)
USED = 0.1
"""A number of the code that costs fewer nats than this tells next to nothing."""


def prove(bench: Bench) -> list[Row]:
    """The KL at three weights, and what the first numbers of the code do."""
    data = bench.open()
    runs = [
        bench.train(
            f"weight {weight:g}",
            documented("beta-vae", weight=weight),
            data,
            batch_size=128,
            learning_rate=2e-3,
            schedule="cosine",
        )
        for weight in WEIGHTS
    ]
    found = [elbo(run.model, data.test) for run in runs]
    kl = [float(bound.kl.sum()) for bound in found]
    used = [int((bound.kl > USED).sum()) for bound in found]
    panels = {
        f"β = {weight:g}": travelled(run, bound.kl) for weight, run, bound in zip(WEIGHTS, runs, found, strict=True)
    }
    bench.draw(mosaics(panels, across=9))
    rows = [
        Row.at_most(f"KL at β = {weight:g}, nats", cost, before, "the weight before it", beside=kl[0])
        for weight, cost, before in zip(WEIGHTS[1:], kl[1:], kl, strict=False)
    ]
    rows += [
        Row(f"numbers of 20 above {USED} nats at β = {weight:g}", count, used[0])
        for weight, count in zip(WEIGHTS[1:], used[1:], strict=True)
    ]
    return rows + [
        Row(f"distance at β = {weight:g}, nats", bound.distance, found[0].distance)
        for weight, bound in zip(WEIGHTS[1:], found[1:], strict=True)
    ]


def travelled(run: ist.Run, kl: torch.Tensor) -> torch.Tensor:
    """(72, 1, H, W) a row for each of the eight dearest numbers of the code, from -3 to 3, the others at 0."""
    codes = torch.zeros(8, 9, len(kl))
    for row, number in enumerate(kl.argsort(descending=True)[:8].tolist()):
        codes[row, :, number] = torch.linspace(-3, 3, 9)
    return run.decode(codes.flatten(0, 1)) / 255
