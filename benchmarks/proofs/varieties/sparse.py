"""Half as many units answer to a digit as without the penalty, or fewer, for at most 10 % more error."""

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import features, mosaics

EPOCHS = 10


def prove(bench: Bench) -> list[Row]:
    """The share of units that answer (a ReLU's are above 0 or exactly 0), the error, and what the units add."""
    data = bench.open()
    sparse = documented("sparse", weight=2e-5)
    runs = {
        "sparse": bench.train("sparse", sparse, data),
        "plain": bench.train("plain", sparse.replace(penalties=()), data),
    }
    active = {name: (run.encode(data.test) > 0).double().mean(0) for name, run in runs.items()}
    share = {name: float(units.mean()) for name, units in active.items()}
    used = {name: float((units > 0).double().mean()) for name, units in active.items()}
    error = {name: run.evaluate(data.test)["given"]["mse"]["model"] for name, run in runs.items()}
    often = {name: units.argsort(descending=True) for name, units in active.items()}
    bench.draw(
        mosaics({name: features(run.model)[often[name][:48]] for name, run in runs.items()}, across=8, signed=True)
    )
    half, tenth = 0.5 * share["plain"], 1.1 * error["plain"]
    return [
        Row.at_most("mean share of active units (above 0)", share["sparse"], half, "half", beside=share["plain"]),
        Row("share of units that any digit makes active", used["sparse"], used["plain"]),
        Row.at_most("mean squared error", error["sparse"], tenth, "10 % more", beside=error["plain"]),
    ]
