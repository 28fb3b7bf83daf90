"""A digit whose label is known costs fewer nats, and digits can be drawn by class."""

import torch

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import elbo
from isthmus.uses.judge import classifier_of

EPOCHS = 5
HOW = {"batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine", "compile": False}
DRAWN = 100
"""Of each class."""


def prove(bench: Bench) -> list[Row]:
    """The negative ELBO beside the unconditional one's, and whether the classes are those asked for."""
    data = bench.open()
    variety = documented("cvae")
    run = bench.train("cvae", variety, data, **HOW)
    plain = bench.train("plain", variety.replace(condition=None), data, **HOW)
    costs = [-elbo(which.model, data.test).value for which in (run, plain)]
    classes = len(data.label_names)
    codes = torch.randn(DRAWN, 20, generator=torch.Generator().manual_seed(0)).repeat(classes, 1)
    wanted = torch.arange(classes).repeat_interleave(DRAWN)
    drawn = run.decode(codes, wanted)
    share = float((classifier_of(run).probabilities(drawn).argmax(1) == wanted).double().mean())
    shown = drawn.view(classes, DRAWN, *data.shape)[:, :16].flatten(0, 1)
    bench.draw(mosaics({"a row a class, a column a code": shown / 255}, across=16))
    return [
        Row.at_most("negative ELBO, nats", costs[0], costs[1], "without labels", beside=costs[1]),
        Row.at_least("share of 1,000 draws that a classifier takes for the class asked for", share, 0.8),
    ]
