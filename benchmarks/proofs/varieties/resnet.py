"""With 128 numbers a residual network that starts at PCA's solution is no worse than PCA; from the mean it is."""

import torch

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import one_of_each
from isthmus.drawing.figures import picture_grid
from isthmus.measures.reconstruction import psnr

EPOCHS = 5
SLACK = 0.3
"""Decibels that the model may lie below PCA."""


def prove(bench: Bench) -> list[Row]:
    """Both kinds of PSNR of both starts beside PCA's, and ten pictures."""
    data = bench.open("cifar10_small.npz", validation=0.1)
    blueprint = documented("resnet", start="mean", distance="mse")
    shared = {"batch_size": 64, "schedule": "cosine"}
    runs = {
        "at PCA": bench.train("pca", blueprint.replace(start="pca"), data, learning_rate=1e-4, **shared),
        "at mean": bench.train("mean", blueprint, data, learning_rate=3e-3, **shared),
    }
    pca = runs["at PCA"].baseline()
    clean = data.scaling(data.test.batch(torch.arange(len(data.test))))
    made = {name: data.scaling(run.reconstruct(data.test)) for name, run in runs.items()}
    made["PCA"] = pca.reconstruct(clean)
    errors = {name: (pictures - clean).square().mean() for name, pictures in made.items()}
    whole = {name: -10 * float(error.log10()) for name, error in errors.items()}
    each = {name: float(psnr(pictures, clean).mean()) for name, pictures in made.items()}
    chosen = one_of_each(data)
    bench.draw(picture_grid({"original": clean[chosen]} | {name: made[name][chosen] for name in ("PCA", *runs)}))
    return [
        Row.at_least(
            "PSNR of the mean squared error, dB", whole["at PCA"], whole["PCA"] - SLACK,
            f"PCA's {whole['PCA']:.2f} less {SLACK}", beside=whole["at mean"],
        ),
        Row("the same, above PCA's, dB", whole["at PCA"] - whole["PCA"], whole["at mean"] - whole["PCA"]),
        Row("mean of the pictures' own PSNRs, dB", each["at PCA"], each["at mean"]),
        Row("the same, above PCA's, dB", each["at PCA"] - each["PCA"], each["at mean"] - each["PCA"]),
        Row("epoch whose weights were kept", runs["at PCA"].best_epoch, runs["at mean"].best_epoch),
    ]  # fmt: skip
