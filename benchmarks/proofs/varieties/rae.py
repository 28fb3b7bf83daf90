"""Draws of the fitted mixture are like digits, those of a standard normal are not, and errors are below a VAE's."""

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import frechet_distance
from isthmus.samplers import fit_sampler

EPOCHS = 12


def prove(bench: Bench) -> list[Row]:
    """The Fréchet distance of draws in the pixels, and the error, next to those of `vae` with the same network."""
    data = bench.open()
    runs = {
        name: bench.train(name, documented(name), data, batch_size=128, schedule="cosine")
        for name in (bench.name, "vae")
    }
    real = data.test.tensor().flatten(1).float() / 255
    drawn = {name: ist.sample(run, len(real)).values.flatten(1) / 255 for name, run in runs.items()}
    normal = fit_sampler(runs[bench.name].encode(data.test), "prior").draw(len(real), torch.Generator().manual_seed(0))
    apart = {name: frechet_distance(of, real) for name, of in drawn.items()}
    unfitted = frechet_distance(runs[bench.name].decode(normal).flatten(1) / 255, real)
    error = {name: run.evaluate(data.test)["given"]["mse"]["model"] for name, run in runs.items()}
    side = data.train.shape
    bench.draw(mosaics({f"drawn from {name}": of[:80].view(-1, *side) for name, of in drawn.items()}))
    return [
        Row.at_most(
            "Fréchet distance of draws in the pixels", apart[bench.name], unfitted / 2, "half of unfitted", unfitted
        ),
        Row("the same of the vae", apart[bench.name], apart["vae"]),
        Row.at_most("mean squared error", error[bench.name], error["vae"], "the vae's", beside=error["vae"]),
    ]
