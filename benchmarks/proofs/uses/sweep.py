"""A sweep finds how many numbers data have that were made of two, where PCA needs more, and what digits are worth."""

import sys

import numpy as np

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from isthmus.drawing.studies import curves

EPOCHS = 15
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


def prove(bench: Bench) -> list[Row]:
    """A curved plane in twenty columns from three seeds, then MNIST."""
    folder = bench.folder / bench.name
    plane = ist.open_data(curved_plane())
    made = ist.sweep(
        plane, (1, 2, 3, 4, 6, 8), out=folder / "plane", seeds=3, epochs=60, learning_rate=3e-3, schedule="cosine"
    )
    needed = next((point.code for point in made.points if (point.pca_explained or 0) >= 0.95), 9)
    at_two = next(point for point in made.points if point.code == 2)
    data = bench.open(validation=0.1)
    found = ist.sweep(
        data,
        SIZES,
        out=folder / "digits",
        epochs=bench.epochs,
        schedule="cosine",
        overwrite=bench.again,
        progress=lambda done, total: print(f"\r{done}/{total} epochs", end="", file=sys.stderr),
    )
    assert found.suggested is not None
    entry = {entry.whole("code"): entry for entry in found.entries}
    lines = {
        title: (SIZES, [entry[size].means[f"test_mse{end}"] for size in SIZES], [0.0] * len(SIZES))
        for title, end in (("model", ""), ("PCA", "_pca"))
    }
    bench.draw(curves(lines, across="numbers in the code", up="mean squared error, test part", marked=found.suggested))
    chosen = entry[found.suggested]
    same = [size for size in SIZES if entry[size].means["test_mse_pca"] <= chosen.means["test_mse"]]
    return [
        Row.at_most("numbers suggested for a curved plane", made.suggested or 0, 2, "as it was made", beside=needed),
        Row.at_least("explained by two numbers there", at_two.explained, 0.95, beside=at_two.pca_explained),
        Row("numbers suggested for the digits, by validation", found.suggested, min(same, default=SIZES[-1])),
        Row.at_most(
            "test error with as many",
            chosen.means["test_mse"],
            chosen.means["test_mse_pca"],
            "PCA with as many",
            beside=chosen.means["test_mse_pca"],
        ),
        Row("variance that a number must bring back", found.price),
    ]


def curved_plane(count: int = 4000) -> np.ndarray:
    """(count, 20) float32: two numbers, bent smoothly into twenty columns, with one per cent of noise."""
    generator = np.random.default_rng(0)
    hidden = generator.uniform(-1, 1, (count, 2))
    bent = np.sin(hidden @ generator.normal(size=(2, 20)) * 2 + generator.uniform(0, 6, 20))
    return (bent + 0.01 * generator.normal(size=bent.shape)).astype(np.float32)
