"""From a quarter of a digit's patches the others are predicted, and the codes classify better than pixels do."""

from dataclasses import replace

import torch
from sklearn.linear_model import LogisticRegression

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from benchmarks.proofs.sheets import mosaics
from isthmus.data.samples import Samples
from isthmus.measures.passes import passes

EPOCHS = 12
FEW = 12_000
"""Training digits: a transformer takes its time on a processor."""
LABELLED = 5_000
"""Of them those whose labels the linear probe gets."""


def prove(bench: Bench) -> list[Row]:
    """The error on hidden patches and the accuracy of a linear probe, next to the mean digit and to raw pixels."""
    data = bench.open()
    data = replace(data, train=data.train.some(FEW))
    run = bench.train("mae", ist.recipe("mae"), data, batch_size=64, learning_rate=2e-3, schedule="cosine")
    model, mean = run.model, data.scaling(data.train.some(5000).tensor()).mean(0)
    errors = {"model": 0.0, "mean": 0.0}
    count = 0
    for out in passes(model, data.test, 500):
        hidden = out.draws["corruption"]
        for name, made in (("model", out.reconstruction), ("mean", mean.expand_as(out.clean))):
            errors[name] += float((made - out.clean)[hidden].detach().square().sum())
        count += int(hidden.sum())
    few = next(passes(model, data.test.take(torch.arange(64)), 64))
    rows = {"given": few.corrupted, "predicted": few.reconstruction, "digits": few.clean}
    bench.draw(mosaics({name: pictures.detach() for name, pictures in rows.items()}, across=8))
    labelled = data.train.take(torch.arange(min(LABELLED, len(data.train))))
    codes = [run.encode(part).flatten(1) for part in (labelled, data.test)]
    pixels = [part.tensor().flatten(1).float() / 255 for part in (labelled, data.test)]
    shares = [probe(*features, labelled, data.test) for features in (codes, pixels)]
    return [
        Row.at_most(
            "mean squared error on hidden patches",
            errors["model"] / count,
            errors["mean"] / count,
            "the mean digit's",
            beside=errors["mean"] / count,
        ),
        Row.at_least(
            f"accuracy of a linear probe with {len(labelled):,} labels", *shares, "that of raw pixels", beside=shares[1]
        ),
    ]


def probe(train: torch.Tensor, test: torch.Tensor, labelled: Samples, tested: Samples) -> float:
    """The share of test samples that logistic regression on these features gets right."""
    assert labelled.labels is not None
    assert tested.labels is not None
    mean, spread = train.mean(0), train.std(0).clamp(min=1e-3)
    fitted = LogisticRegression(max_iter=100, C=0.01).fit((train - mean) / spread, labelled.labels.numpy())
    return float(fitted.score((test - mean) / spread, tested.labels.numpy()))
