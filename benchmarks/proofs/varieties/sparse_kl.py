"""The units answer at the rate that was asked for, to within a fifth."""

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import features, mosaics
from isthmus.parts import SparsityKl

EPOCHS = 20


def prove(bench: Bench) -> list[Row]:
    """The mean activation of all units and of each by itself."""
    data = bench.open()
    sparse = documented("sparse-kl")
    runs = {
        "sparse-kl": bench.train("sparse-kl", sparse, data),
        "plain": bench.train("plain", sparse.replace(penalties=()), data),
    }
    (penalty,) = sparse.penalties
    assert isinstance(penalty, SparsityKl)
    rates = {name: run.encode(data.test).mean(0) for name, run in runs.items()}
    near = {name: float(((rate / penalty.rate - 1).abs() <= 0.2).float().mean()) for name, rate in rates.items()}
    error = {name: run.evaluate(data.test)["given"]["mse"]["model"] for name, run in runs.items()}
    bench.draw(mosaics({name: features(run.model, 48) for name, run in runs.items()}, across=8, signed=True))
    mean = float(rates["sparse-kl"].mean())
    return [
        Row(
            "mean activation",
            mean,
            float(rates["plain"].mean()),
            f"{penalty.rate} ± 20 %",
            abs(mean / penalty.rate - 1) <= 0.2,
        ),
        Row("share of units within 20 % of the rate", near["sparse-kl"], near["plain"]),
        Row("mean squared error", error["sparse-kl"], error["plain"]),
    ]
