"""All codes together are distributed like the prior, so that draws of it can be decoded; the plain one's are not."""

import torch

from benchmarks.proofs.normality import discrepancy, told_apart
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics

EPOCHS = 6


def prove(bench: Bench) -> list[Row]:
    """A test of normality, the discrepancy to the prior, the error, and what becomes of the prior's draws."""
    data = bench.open()
    wae = documented("wae")
    runs = {
        "wae": bench.train("wae", wae, data, schedule="cosine"),
        "plain": bench.train("plain", wae.replace(penalties=()), data, schedule="cosine"),
    }
    codes = {name: run.encode(data.test) for name, run in runs.items()}
    apart = {name: discrepancy(of) for name, of in codes.items()}
    found = {name: told_apart(of) for name, of in codes.items()}
    error = {name: run.evaluate(data.test)["given"]["mse"]["model"] for name, run in runs.items()}
    drawn = torch.randn(80, *runs["wae"].model.code_shape, generator=torch.Generator().manual_seed(0))
    bench.draw(mosaics({f"{name}: decoded draws": run.decode(drawn) / 255 for name, run in runs.items()}))
    share = "share of samples of 100 codes that a kernel test tells from the prior's draws at 5 %"
    return [
        Row.at_most(share, found["wae"], 0.25, "draws themselves: 0.05", beside=found["plain"]),
        Row.at_most("MMD² to the prior", apart["wae"], apart["plain"] / 10, "a tenth", beside=apart["plain"]),
        Row("mean squared error", error["wae"], error["plain"]),
    ]
