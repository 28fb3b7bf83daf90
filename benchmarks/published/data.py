"""The digits of the table: black and white for its first half, grey and binarised in each pass for its second."""

from pathlib import Path

import numpy as np

from benchmarks.digits import find_digits
from isthmus.storage.files import whole_file

STAND_IN = "made up, for want of mnist.npz: no figure of this run says anything of MNIST"


def digits_file(folder: Path, samples: int, tested: int, *, dynamic: bool) -> tuple[Path, str]:
    """A file of bytes 0..255, x_train (samples, 28, 28) and x_test (tested, 28, 28), and what it holds.

    Each pixel is drawn white once with the probability of its grey, by a fixed seed; those of the training part stay
    grey if they are `dynamic`. The published rows of the first half use the file of Larochelle, which was drawn from
    the same greys once as well, by another seed.
    """
    source = find_digits()
    title = "MNIST" if source else STAND_IN
    path = folder / f"{'grey' if dynamic else 'drawn'}-{samples}-{tested}.npz"
    if path.exists():
        return path, title
    if source is None:
        place = np.random.default_rng(1)
        given = {
            "x_train": place.integers(0, 256, (60_000, 28, 28)),
            "x_test": place.integers(0, 256, (10_000, 28, 28)),
        }
    else:
        with np.load(source, allow_pickle=False) as file:
            given = {name: file[name] for name in ("x_train", "x_test")}
    place = np.random.default_rng(0)
    drawn = {name: (place.random(grey.shape) < grey / 255).astype(np.uint8) * 255 for name, grey in given.items()}
    train = (given if dynamic else drawn)["x_train"][:samples].astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as beside, beside.open("wb") as stream:
        np.savez_compressed(stream, x_train=train, x_test=drawn["x_test"][:tested])
    return path, title
