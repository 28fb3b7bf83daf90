"""How near the codes of a variety are to their prior, compared with the same network without the penalty."""

import torch

from benchmarks.proofs.normality import discrepancy, told_apart
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics


def matched(bench: Bench) -> list[Row]:
    """A test of normality, the discrepancy to the prior, the error, and what becomes of the prior's draws."""
    data, name = bench.open(), bench.name
    blueprint = documented(name)
    runs = {
        name: bench.train(name, blueprint, data, schedule="cosine"),
        "plain": bench.train("plain", blueprint.replace(penalties=()), data, schedule="cosine"),
    }
    codes = {title: run.encode(data.test) for title, run in runs.items()}
    apart = {title: discrepancy(of) for title, of in codes.items()}
    found = {title: told_apart(of) for title, of in codes.items()}
    error = {title: run.evaluate(data.test)["given"]["mse"]["model"] for title, run in runs.items()}
    drawn = torch.randn(80, *runs[name].model.code_shape, generator=torch.Generator().manual_seed(0))
    bench.draw(mosaics({f"{title}: decoded draws": run.decode(drawn) / 255 for title, run in runs.items()}))
    share = "share of samples of 100 codes that a kernel test tells from the prior's draws at 5 %"
    return [
        Row.at_most(share, found[name], 0.25, "draws themselves: 0.05", beside=found["plain"]),
        Row.at_most("MMD² to the prior", apart[name], apart["plain"] / 10, "a tenth", beside=apart["plain"]),
        Row("mean squared error", error[name], error["plain"]),
    ]
