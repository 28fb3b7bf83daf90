"""The photographs: which ones a codec may learn from, and which are held out to judge it."""

import numpy as np
from PIL import Image
from skimage import color

from benchmarks.digits import find_file
from benchmarks.proofs.uses.restore_photos import carried

KODAK = 16
"""Photographs of the Kodak suite at hand, kodim01 to kodim16."""
HELD_OUT = tuple(f"kodim{number}" for number in (13, 14, 15, 16))
SIDE = 28
"""Of the grey tiles, as large as a digit of MNIST."""


def kodak() -> dict[str, np.ndarray]:
    """The photographs of the Kodak suite, (H, W, 3) uint8 each; none where the folder `kodak` is missing."""
    paths = {name: find_file(f"kodak/{name}.png") for name in (f"kodim{1 + place:02}" for place in range(KODAK))}
    return {name: np.asarray(Image.open(path).convert("RGB")) for name, path in paths.items() if path}


def training() -> dict[str, np.ndarray]:
    """All photographs that a codec may learn from: those of scikit-image and scikit-learn, and twelve of Kodak."""
    return carried() | {name: picture for name, picture in kodak().items() if name not in HELD_OUT}


def held_out() -> dict[str, np.ndarray]:
    """Those that judge it, (H, W, 3) uint8: four of Kodak, or two of scikit-image where Kodak is not at hand."""
    found = kodak()
    return (
        {name: found[name] for name in HELD_OUT} if found else {name: carried()[name] for name in ("coffee", "rocket")}
    )


def grey_tiles(pictures: dict[str, np.ndarray], count: int, seed: int = 0) -> np.ndarray:
    """(count, 28, 28) uint8 from random places of the pictures in grey, equally many of each."""
    place = np.random.default_rng(seed)
    greys = [(255 * color.rgb2gray(picture)).round().astype(np.uint8) for picture in pictures.values()]
    tiles = np.empty((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        grey = greys[number % len(greys)]
        top, left = (place.integers(size - SIDE + 1) for size in grey.shape)
        tiles[number] = grey[top : top + SIDE, left : left + SIDE]
    return tiles
