"""A comparison from three seeds names the same order as one from three others, and says by how much."""

import sys

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.drawing.studies import rivals

EPOCHS = 10
NAMES = ("deep", "multilayer", "vanilla", "tied")


def prove(bench: Bench) -> list[Row]:
    """Four models with 32 numbers each, twice from three seeds: 0 to 2, and 3 to 5 by reading all six."""
    data = bench.open(validation=0.1)
    found = ist.compare(
        data,
        {name: documented(name, code=32) for name in NAMES},
        out=bench.folder / bench.name,
        seeds=6,
        epochs=bench.epochs,
        schedule="cosine",
        overwrite=bench.again,
        progress=lambda done, total: print(f"\r{done}/{total} epochs", end="", file=sys.stderr),
    )
    orders = [order([row for row in found.rows if row["seed"] in seeds]) for seeds in ((0, 1, 2), (3, 4, 5))]
    means = {entry.candidate: entry.means["test_mse"] for entry in found.entries}
    spreads = {entry.candidate: entry.spreads["test_mse"] for entry in found.entries}
    beside = {entry.candidate: entry.means["test_mse_pca"] for entry in found.entries}
    bench.draw(rivals(means, spreads, beside, across="mean squared error, test part"))
    best, second = found.entries[:2]
    both = sum(entry.spreads["test_mse"] or 0.0 for entry in (best, second))
    alike = sum(one == other for one, other in zip(*orders, strict=True))
    return [
        Row.at_least("places alike in the orders of both three seeds", alike, len(NAMES), "all of them"),
        Row(
            f"lead of {best.candidate} before {second.candidate}, and both standard deviations together",
            means[second.candidate] - means[best.candidate],
            both,
        ),
        *(Row(f"test error of {name}, PCA beside it", means[name], beside[name]) for name in means),
    ]


def order(rows: list[dict[str, float]]) -> list[str]:
    """The candidates by the mean of their test errors."""
    errors = {name: [row["test_mse"] for row in rows if row["candidate"] == name] for name in NAMES}
    return sorted(NAMES, key=lambda name: sum(errors[name]))
