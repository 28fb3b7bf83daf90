"""Trained layer by layer first, a deep network of logistic units ends better than from scratch in as many epochs."""

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import curves, one_of_each
from isthmus.drawing.figures import picture_grid

EPOCHS = 8
LAYER_EPOCHS = 1


def prove(bench: Bench) -> list[Row]:
    """The error of both, and their curves.

    An epoch of one layer counts as a whole one, though it moves a part of the weights only: the network from scratch
    gets as many epochs as all the layers and the whole together, and more multiplications.
    """
    data = bench.open()
    stacked = documented("stacked")
    before = LAYER_EPOCHS * (len(stacked.network.widths) + 1)  # pyright: ignore[reportAttributeAccessIssue] it is dense
    runs = {
        "stacked": bench.train(
            "stacked", stacked, data, epochs=bench.epochs - before, layer_epochs=LAYER_EPOCHS, compile=False
        ),
        "scratch": bench.train("scratch", stacked.replace(solution="gradient"), data, compile=False),
    }
    some, clean = one_of_each(data), data.scaling(data.test.tensor())
    made = {name: data.scaling(run.reconstruct(data.test)) for name, run in runs.items()}
    error = {name: float((pictures - clean).square().double().mean()) for name, pictures in made.items()}
    bench.draw(picture_grid({"digits": clean[some]} | {name: pictures[some] for name, pictures in made.items()}))
    lines = {
        name: [(row["epoch"] + (before if name == "stacked" else 0), row["loss"]) for row in run.history]
        for name, run in runs.items()
    }
    bench.draw(curves(lines, "epochs, one layer's counted as a whole one", "mean squared error, training"), "curve")
    return [
        Row("epochs, of them for the layers", before, 0),
        Row.at_most("mean squared error", error["stacked"], error["scratch"], "from scratch", beside=error["scratch"]),
    ]
