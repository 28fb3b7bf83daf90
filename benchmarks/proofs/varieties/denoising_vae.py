"""Noise goes: the error of restored digits against the clean ones is at most half of the VAE's that saw no noise."""

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.varieties.denoising import damaged_by

EPOCHS = 8


def prove(bench: Bench) -> list[Row]:
    """The mean squared error next to that of `vae`, both given noisy digits."""
    data, recipe = bench.open(), documented("denoising-vae")
    clean = data.scaling(data.test.tensor())
    raw = ist.Samples(data.scaling.inverse(damaged_by(recipe.corruption, clean)), kind=data.kind)
    error = {}
    for name, blueprint in ((bench.name, recipe), ("vae", documented("vae"))):
        run = bench.train(name, blueprint, data, batch_size=128, schedule="cosine")
        error[name] = float((data.scaling(run.reconstruct(raw)) - clean).square().double().mean())
    return [Row.at_most("mean squared error", error[bench.name], error["vae"] / 2, "half", beside=error["vae"])]
