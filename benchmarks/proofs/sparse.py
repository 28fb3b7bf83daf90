"""Half as many units answer to a digit as without the penalty, or fewer, for at most 10 % more error."""

from proving import Bench, Row
from sheets import features, mosaics

import isthmus as ist

EPOCHS = 20
ACTIVE = 0.1
"""A sigmoid unit answers above this; at rest it is near 0."""


def prove(bench: Bench) -> list[Row]:
    """The share of units that answer, the error, and what the units look at."""
    data = bench.open()
    sparse = ist.recipe("sparse")
    runs = {
        "sparse": bench.train("sparse", sparse, data),
        "plain": bench.train("plain", sparse.replace(penalties=()), data),
    }
    active = {name: float((run.encode(data.test) > ACTIVE).float().mean()) for name, run in runs.items()}
    error = {name: run.evaluate(data.test)["given"]["mse"]["model"] for name, run in runs.items()}
    bench.draw(mosaics({name: features(run.model, 64) for name, run in runs.items()}, across=8, signed=True))
    share = f"mean share of units above {ACTIVE}"
    return [
        Row.at_most(share, active["sparse"], 0.5 * active["plain"], "half", plain=active["plain"]),
        Row.at_most("mean squared error", error["sparse"], 1.1 * error["plain"], "10 % more", plain=error["plain"]),
    ]
