"""Damage goes: the error against the clean digit is a third of the plain one's, or less."""

import torch
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import one_of_each
from isthmus.drawing.figures import picture_grid
from isthmus.parts import Corruption, GaussianNoise, Masking

EPOCHS = 8
DAMAGES = {"noise": GaussianNoise(sigma=0.5), "masking": Masking(share=0.5)}
WORDS = {"noise": "Gaussian noise, σ = 0.5", "masking": "half of the pixels masked"}


def prove(bench: Bench) -> list[Row]:
    """For each damage the error of the model that has seen it in training, and of one that has not."""
    data = bench.open()
    recipe = documented("denoising")
    clean = data.scaling(data.test.tensor())
    plain = bench.train("plain", recipe.replace(corruption=None), data)
    rows, some = [], one_of_each(data)
    for name, damage in DAMAGES.items():
        damaged = damaged_by(damage, clean)
        raw = ist.Samples(data.scaling.inverse(damaged), kind=data.kind)
        trained = bench.train(name, recipe.replace(corruption=damage), data)
        made = {who: data.scaling(run.reconstruct(raw)) for who, run in (("plain", plain), ("denoising", trained))}
        error = {who: float((output - clean).square().double().mean()) for who, output in made.items()}
        number = f"mean squared error, {WORDS[name]}"
        rows.append(Row.at_most(number, error["denoising"], error["plain"] / 3, "a third", beside=error["plain"]))
        shown = {"clean": clean, "damaged": damaged, **made}
        bench.draw(picture_grid({title: batch[some] for title, batch in shown.items()}), name)
    return rows


def damaged_by(damage: Corruption, clean: Tensor) -> Tensor:
    """(N, *shape) scaled digits, each with damage of its own, always the same."""
    draws = damage.draw(len(clean), tuple(clean.shape[1:]), torch.Generator().manual_seed(0))
    return damage(clean, draws)
