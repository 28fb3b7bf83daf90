"""Damaged photographs: every recipe does better than doing nothing and than filters do."""

from typing import Any

import numpy as np
import torch
from proving import Bench, Row
from restoring import TASKS, Lot, prove_all
from skimage import data as photographs
from sklearn.datasets import load_sample_image

import isthmus as ist

EPOCHS = 3
PATCHES, SIDE, CROP = 4000, 32, 160
COLOURED, LARGE = 2000, 64
"""For colours: fewer patches, and larger ones, of which more can be told; and what is fine tells little."""
DRAWS = 8
"""How often each held-out picture gets its holes: three alone would judge little but where they happen to lie."""


def prove(bench: Bench) -> list[Row]:
    """Trained on patches of five photographs; judged on the middles of two others, which no choice was made by."""
    small, large = (
        ist.open_data(patches(count, side), validation=0.02, test=0.01)
        for count, side in ((PATCHES, SIDE), (COLOURED, LARGE))
    )
    bench.data.append(
        f"five photographs of scikit-image and scikit-learn: {len(small.train):,} patches of {SIDE}², "
        f"for colours {len(large.train):,} of {LARGE}²"
    )
    held = {"coffee": photographs.coffee(), "flower": load_sample_image("flower.jpg")}
    test = {name: _middle(torch.from_numpy(picture.copy())) for name, picture in held.items()}
    often = {name: picture.expand(DRAWS, -1, -1, -1) for name, picture in test.items()}
    chosen: dict[str, dict[str, Any]] = {name: {} for name in TASKS if name not in ("recolour", "inpaint")}
    colours = {"recolour": {"channels": (16, 32, 32)}}
    return prove_all(bench, [Lot(small, test, chosen), Lot(small, often, {"inpaint": {}}), Lot(large, test, colours)])


def _middle(picture: torch.Tensor) -> torch.Tensor:
    """(H, W, 3) uint8 to the (1, 3, CROP, CROP) in its middle, in 0..1."""
    top, left = ((side - CROP) // 2 for side in picture.shape[:2])
    return picture[top : top + CROP, left : left + CROP].permute(2, 0, 1)[None].float() / 255


def patches(count: int, side: int, seed: int = 0) -> np.ndarray:
    """(N, side, side, 3) uint8 from random places, turned and mirrored at random."""
    sources = [
        photographs.astronaut(), photographs.chelsea(), photographs.rocket(),
        photographs.stereo_motorcycle()[0], load_sample_image("china.jpg"),
    ]  # fmt: skip
    place = np.random.default_rng(seed)
    made = np.empty((count, side, side, 3), np.uint8)
    for number in range(count):
        source = sources[number % len(sources)]
        top, left = (place.integers(size - side + 1) for size in source.shape[:2])
        patch = np.rot90(source[top : top + side, left : left + side], place.integers(4))
        made[number] = patch[:, ::-1] if place.random() < 0.5 else patch
    return made
