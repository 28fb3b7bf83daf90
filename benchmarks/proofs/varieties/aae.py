"""The codes match the prior: their discrepancy to it is a tenth of the plain one's or less, whatever the seed."""

import torch

from benchmarks.proofs.normality import discrepancy
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics

EPOCHS = 6
SEEDS = (0, 1, 2)


def prove(bench: Bench) -> list[Row]:
    """Of the worst seed: the discrepancy, the least spread of a number of the code, the error; the prior's draws."""
    data = bench.open()
    aae = documented("aae")
    plain = bench.train("plain", aae.replace(penalties=()), data, schedule="cosine")
    runs = [bench.train(f"aae-{seed}", aae, data, seed=seed, schedule="cosine") for seed in SEEDS]
    codes = [run.encode(data.test) for run in runs]
    apart = discrepancy(plain.encode(data.test))
    spread = min(float(of.std(0).min()) for of in codes)
    errors = [run.evaluate(data.test)["given"]["mse"]["model"] for run in (*runs, plain)]
    drawn = torch.randn(40, *plain.model.code_shape, generator=torch.Generator().manual_seed(0))
    panels = {f"seed {seed}: decoded draws": run.decode(drawn) / 255 for seed, run in zip(SEEDS, runs, strict=True)}
    bench.draw(mosaics(panels, across=8))
    return [
        Row.at_most(
            "MMD² to the prior, worst of three seeds", max(map(discrepancy, codes)), apart / 10, "a tenth", apart
        ),
        Row.at_least(
            "least standard deviation of a number of the code, of three seeds", spread, 0.5, "the prior's is 1"
        ),
        Row("mean squared error, worst of three seeds", max(errors[:-1]), errors[-1]),
    ]
