"""In closed form, the transposed readouts of random networks make codes that are decoded with less error than PCA's."""

from benchmarks.proofs.proving import Bench, Row, documented

EPOCHS = 1


def prove(bench: Bench) -> list[Row]:
    """The errors on the test part: of one layer, of two stacked ones, and of other codes of the same size."""
    data = bench.open()
    made = documented("extreme-learning")
    runs = {
        "one layer": bench.train("one layer", made, data),
        "two layers": bench.train("two layers", documented("extreme-learning", widths=(200,)), data),
        "random-features": bench.train("random-features", documented("random-features"), data),
    }
    error = {name: run.evaluate(data.test)["given"]["mse"] for name, run in runs.items()}
    return [
        Row.at_most(
            "mean squared error (plain: PCA)",
            error["one layer"]["model"],
            error["one layer"]["pca"],
            "PCA's",
            beside=error["one layer"]["pca"],
        ),
        Row("mean squared error of two layers", error["two layers"]["model"]),
        Row("mean squared error of random-features", error["random-features"]["model"]),
    ]
