"""The code moves a fifth as much as the plain one's when a digit moves a little, or less."""

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import features, mosaics
from isthmus.parts import Contraction

EPOCHS = 20


def prove(bench: Bench) -> list[Row]:
    """The squared norm of the code's derivative on the test part, and the error."""
    data = bench.open()
    contractive = documented("contractive")
    runs = {
        "contractive": bench.train("contractive", contractive, data),
        "plain": bench.train("plain", contractive.replace(penalties=()), data),
    }
    norm = {name: mean_norm(run.model, data) for name, run in runs.items()}
    error = {name: run.evaluate(data.test)["given"]["mse"]["model"] for name, run in runs.items()}
    bench.draw(mosaics({name: features(run.model, 80) for name, run in runs.items()}, signed=True))
    return [
        Row.at_most("‖∂z/∂x‖²", norm["contractive"], norm["plain"] / 5, "a fifth", beside=norm["plain"]),
        Row("mean squared error", error["contractive"], error["plain"]),
    ]


@torch.no_grad()
def mean_norm(model: ist.Autoencoder, data: ist.Data) -> float:
    """Mean over the test part of the squared Frobenius norm of the code's derivative."""
    norms = [Contraction(mode="exact")(model(raw), model) for raw in data.test.batches(1000)]
    return float(torch.cat(norms).double().mean())
