"""The linear one, half the weights, ends in the plane of the principal components."""

import torch
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import one_of_each
from isthmus.drawing.figures import picture_grid
from isthmus.parts import Dense

EPOCHS = 40


def prove(bench: Bench) -> list[Row]:
    """The angles between the model's planes and PCA's, the errors, and the number of weights."""
    data = bench.open()
    tied = documented("tied")
    settings = {"schedule": "cosine", "learning_rate": 1e-3}
    runs = {
        "tied": bench.train("tied", tied, data, **settings),
        "plain": bench.train("plain", tied.replace(network=Dense()), data, **settings),
    }
    pca = runs["tied"].baseline()
    planes = {"encoder": encoder_plane, "decoder": decoder_plane}
    rows = []
    for side, plane in planes.items():
        most = {name: float(principal_angles(plane(run.model), pca.components)[-1]) for name, run in runs.items()}
        number = f"largest angle between the {side}'s plane and PCA's, degrees"
        rows.append(Row.at_most(number, most["tied"], 1.0, beside=most["plain"]))
    error = {name: run.evaluate(data.test)["given"]["mse"] for name, run in runs.items()}
    count = {name: sum(weight.numel() for weight in run.model.parameters()) for name, run in runs.items()}
    some = data.test.take(one_of_each(data))
    clean = data.scaling(some.tensor())
    made = {name: data.scaling(run.reconstruct(some)) for name, run in runs.items()}
    bench.draw(picture_grid({"clean": clean, "PCA": pca.reconstruct(clean), **made}))
    few = 1.01 * error["tied"]["pca"]
    return [
        *rows,
        Row.at_most("mean squared error", error["tied"]["model"], few, "PCA's and 1 %", error["plain"]["model"]),
        Row("weights", count["tied"], count["plain"]),
    ]


def encoder_plane(model: ist.Autoencoder) -> Tensor:
    """(code, D) what the code looks at."""
    return next(layer for layer in model.encoder.modules() if isinstance(layer, torch.nn.Linear)).weight.detach()


@torch.no_grad()
def decoder_plane(model: ist.Autoencoder) -> Tensor:
    """(code, D) what each number of the code adds to the output."""
    units = torch.eye(model.code_shape[0])
    return (model.decode(units) - model.decode(torch.zeros_like(units))).flatten(1)


def principal_angles(some: Tensor, others: Tensor) -> Tensor:
    """(k,) degrees between the planes that the rows of two (k, D) matrices span, the smallest first."""
    bases = [torch.linalg.qr(rows.double().T).Q for rows in (some, others)]
    cosines = torch.linalg.svdvals(bases[0].T @ bases[1])
    return torch.rad2deg(torch.arccos(cosines.clamp(max=1)))
