"""The digits that everybody trains on: MNIST's 60,000, or a stated stand-in of the same size."""

import os
from pathlib import Path

import numpy as np

COUNT = 60_000
FILE = "mnist.npz"
SYNTHETIC = "synthetic: uniform bytes where a coin with p = 0.19 says so, else 0, seed 0"
ROOT = Path(__file__).resolve().parent.parent


def find_digits() -> Path | None:
    """Where `mnist.npz` is; None if it is nowhere."""
    return find_file(FILE)


def find_file(name: str) -> Path | None:
    """Where this file is: in the folder that ISTHMUS_DATA names, or else in ../shared/data; None if in neither."""
    folders = [Path(os.environ["ISTHMUS_DATA"])] if os.environ.get("ISTHMUS_DATA") else []
    folders.append(ROOT.parent / "shared" / "data")
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def load_digits(count: int = COUNT) -> tuple[np.ndarray, str]:
    """(count, 28, 28) uint8 and what they are: "MNIST", or the stand-in's description.

    The stand-in has MNIST's size, type and share of empty pixels, which is all that a timing knows of the data.
    """
    path = find_digits()
    if path is not None:
        with np.load(path, allow_pickle=False) as file:
            return np.ascontiguousarray(file["x_train"][:count]), "MNIST"
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    pictures *= generator.random(pictures.shape, dtype=np.float32) < 0.19
    return pictures, SYNTHETIC
