"""The numbers of the code go together a tenth as much, or less."""

from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.parts.penalties.decorrelation import squared_correlation

EPOCHS = 10


def prove(bench: Bench) -> list[Row]:
    """The mean squared correlation between numbers of the code, and the error."""
    data = bench.open()
    made = documented("decorrelated")
    runs = {
        "decorrelated": bench.train("decorrelated", made, data),
        "plain": bench.train("plain", made.replace(penalties=()), data),
    }
    together = {name: float(squared_correlation(run.encode(data.test).double())) for name, run in runs.items()}
    error = {name: run.evaluate(data.test)["given"]["mse"]["model"] for name, run in runs.items()}
    return [
        Row.at_most(
            "mean squared correlation",
            together["decorrelated"],
            together["plain"] / 10,
            "a tenth of the plain one's",
            beside=together["plain"],
        ),
        Row("mean squared error", error["decorrelated"], error["plain"]),
    ]
