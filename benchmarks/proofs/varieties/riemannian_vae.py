"""From few digits, draws by the learnt metric are more like digits than a VAE's from its prior."""

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import frechet_distance

EPOCHS = 100
FEW = 500
"""Digits to learn from."""


def prove(bench: Bench) -> list[Row]:
    """The Fréchet distance of draws in the pixels next to those of `vae` and `hamiltonian-vae`, trained alike."""
    whole = bench.open()
    few = whole.train.take(torch.arange(min(FEW, len(whole.train)))).tensor()
    data = ist.open_data({"x_train": few.numpy(), "x_test": whole.test.tensor().numpy()}, validation=0)
    real, top = data.test.tensor().flatten(1).float(), float(few.max())
    drawn = {}
    for name in (bench.name, "vae", "hamiltonian-vae"):
        run = bench.train(name, documented(name, code=10), data, batch_size=50, learning_rate=1e-3, schedule="cosine")
        drawn[name] = ist.sample(run, len(real)).values
    apart = {name: frechet_distance(of.flatten(1) / top, real / top) for name, of in drawn.items()}
    bench.draw(mosaics({f"drawn from {name}": of[:64] for name, of in drawn.items()}, across=8))
    title = f"Fréchet distance of draws in the pixels, {len(few):,} digits to learn from"
    return [
        Row.at_most(title, apart[bench.name], apart["vae"], "the vae's", beside=apart["vae"]),
        Row("the same of hamiltonian-vae", apart[bench.name], apart["hamiltonian-vae"]),
    ]
