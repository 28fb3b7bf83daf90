"""The test digits of MNIST, lossless: bits a pixel, grey and in black and white."""

from collections.abc import Callable

import numpy as np

from benchmarks.compression.bench import Bench
from benchmarks.compression.layouts import lossless_rows
from benchmarks.compression.tables import Table
from benchmarks.digits import find_digits

DATA: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "grey": ("grey", lambda grey: grey),
    "binary": ("black and white, white where a pixel is above 127", lambda grey: (grey > 127).astype(np.uint8)),
    "binary-drawn": (
        "black and white, each pixel drawn white with the probability of its grey, as Townsend et al. (2019) do",
        lambda grey: (np.random.default_rng(0).random(grey.shape) < grey / 255).astype(np.uint8),
    ),
}
"""The name of the run → what the data are, and how they are made of the grey digits."""


def measure(bench: Bench) -> list[Table]:
    """A table for each kind of digits."""
    grey = test_digits()
    return [
        Table(
            f"MNIST, {len(grey):,} test digits, lossless: {title}",
            ("tool", "layout", "digits", "bits a pixel", "model, bytes", "break-even, digits"),
            lossless_rows(bench, f"mnist-{name}", make(grey), run=name),
        )
        for name, (title, make) in DATA.items()
    ]


def test_digits() -> np.ndarray:
    """(10000, 28, 28) uint8: the test part of MNIST.

    Raises:
        FileNotFoundError: `mnist.npz` is not at hand.
    """
    path = find_digits()
    if path is None:
        raise FileNotFoundError("mnist.npz is neither in $ISTHMUS_DATA nor in ../shared/data. Put it there.")
    with np.load(path, allow_pickle=False) as file:
        return file["x_test"]
