"""Reconstructions from eight numbers are nearly as sharp as the digits, those of a plain decoder are blurred."""

from dataclasses import replace

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from benchmarks.proofs.sheets import one_of_each
from isthmus.drawing.figures import picture_grid
from isthmus.measures import frechet_distance, gradient_energy
from isthmus.parts import Conv
from isthmus.parts.networks.generating import Choice

EPOCHS = 15
FEW = 20_000
"""Training digits, so that it takes minutes."""
JUDGED = 500
"""Test digits that are reconstructed."""
SIZES = {"code": 8, "channels": (16, 32, 32)}
HOW = {"batch_size": 32, "learning_rate": 2e-3, "schedule": "cosine", "compile": False}


def prove(bench: Bench) -> list[Row]:
    """Sharpness, the Fréchet distance in the pixels, and the error, of both decoders."""
    data = bench.open()
    data = replace(data, train=data.train.some(FEW))
    blueprint = ist.recipe("diffusion", **SIZES)
    plain = Conv(channels=SIZES["channels"], form="strided", activation="silu")
    runs = {
        "diffusion": bench.train("diffusion", blueprint, data, **HOW),
        "plain": bench.train("plain", blueprint.replace(network=plain), data, **HOW),
    }
    test = data.test.some(JUDGED)
    real = test.tensor().float()
    made = {name: run.reconstruct(test) for name, run in runs.items()}
    model = runs["diffusion"].model
    with torch.no_grad():
        made["exact"] = model.decode(model.encode(test.tensor()), choice=Choice(model.noise(test.tensor())))
    sharp = {name: gradient_energy(of) / gradient_energy(real) for name, of in made.items()}
    pixels = {name: frechet_distance(of.flatten(1) / 255, real.flatten(1) / 255) for name, of in made.items()}
    error = {name: float((of - real).div(255).square().mean()) for name, of in made.items()}
    shown = one_of_each(replace(data, test=test))
    rows = {"digits": real, "plain": made["plain"], "diffusion": made["diffusion"], "with own noise": made["exact"]}
    bench.draw(picture_grid({name: of[shown].div(255).clamp(0, 1) for name, of in rows.items()}))
    return [
        Row.at_least("gradient energy, share of the digits'", sharp["diffusion"], 0.9, beside=sharp["plain"]),
        Row.at_most("the same, at most", sharp["diffusion"], 1.1, "noise raises it", beside=sharp["plain"]),
        Row("Fréchet distance in pixels", pixels["diffusion"], pixels["plain"]),
        Row("mean squared error", error["diffusion"], error["plain"]),
        Row.at_most(
            "the same, from the noise of each digit", error["exact"], error["plain"] / 10, "a tenth of plain",
            beside=error["plain"],
        ),
    ]  # fmt: skip
