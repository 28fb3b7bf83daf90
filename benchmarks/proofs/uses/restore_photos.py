"""Damaged photographs: every recipe does better than doing nothing and than filters do, on average over all of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from skimage import data as photographs
from sklearn.datasets import load_sample_image

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from benchmarks.proofs.restoring import TASKS, Fold, Lot, prove_all

EPOCHS = 3
FOLDS = 2
PATCHES, SIDE, CROP = 4000, 32, 160
COLOURED, LARGE = 2000, 64
"""For colours: fewer patches, and larger ones, of which more can be told; and what is fine tells little."""
DRAWS = 8
"""How often each held-out picture gets its holes: three alone would judge little but where they happen to lie."""


def prove(bench: Bench) -> list[Row]:
    """By cross-validation: each photograph is held out once, and judged by models trained on patches of those left."""
    bench.data.append(
        f"{len(carried())} photographs of scikit-image and scikit-learn, in {FOLDS} folds: {PATCHES:,} patches of "
        f"{SIDE}² of those not held out, for colours {COLOURED:,} of {LARGE}²"
    )
    return prove_all(bench, lots())


def carried() -> dict[str, np.ndarray]:
    """All colour photographs that come with scikit-image and scikit-learn, (H, W, 3) uint8 each, by the alphabet."""
    return {
        "astronaut": photographs.astronaut(),
        "chelsea": photographs.chelsea(),
        "china": load_sample_image("china.jpg"),
        "coffee": photographs.coffee(),
        "flower": load_sample_image("flower.jpg"),
        "hubble": photographs.hubble_deep_field(),
        "immunohistochemistry": photographs.immunohistochemistry(),
        "motorcycle": photographs.stereo_motorcycle()[0],
        "retina": photographs.retina(),
        "rocket": photographs.rocket(),
    }


def lots() -> list[Lot]:
    """The tasks, by what they learn from and are judged on: for holes the same pictures, often."""
    chosen: dict[str, dict[str, Any]] = {name: {} for name in TASKS if name not in ("recolour", "inpaint")}
    small = folds(PATCHES, SIDE)
    often = [Fold(f.data, {name: clean.expand(DRAWS, -1, -1, -1) for name, clean in f.test.items()}) for f in small]
    colours = Lot(folds(COLOURED, LARGE), {"recolour": {}}, share=1 / 3)
    return [Lot(small, chosen), Lot(often, {"inpaint": {}}), colours]


def folds(count: int, side: int) -> list[Fold]:
    """Every photograph held out once, with so many patches of those left."""
    every = carried()
    made = []
    for number in range(FOLDS):
        held = list(every)[number::FOLDS]
        left = [picture for name, picture in every.items() if name not in held]
        data = ist.open_data(patches(left, count, side), validation=0.02, test=0.01)
        made.append(Fold(data, {name: _middle(torch.from_numpy(every[name].copy())) for name in held}))
    return made


def _middle(picture: torch.Tensor) -> torch.Tensor:
    """(H, W, 3) uint8 to the (1, 3, CROP, CROP) in its middle, in 0..1."""
    top, left = ((side - CROP) // 2 for side in picture.shape[:2])
    return picture[top : top + CROP, left : left + CROP].permute(2, 0, 1)[None].float() / 255


def patches(sources: Sequence[np.ndarray], count: int, side: int, seed: int = 0) -> np.ndarray:
    """(N, side, side, 3) uint8 from random places, turned and mirrored at random."""
    place = np.random.default_rng(seed)
    made = np.empty((count, side, side, 3), np.uint8)
    for number in range(count):
        source = sources[number % len(sources)]
        top, left = (place.integers(size - side + 1) for size in source.shape[:2])
        patch = np.rot90(source[top : top + side, left : left + side], place.integers(4))
        made[number] = patch[:, ::-1] if place.random() < 0.5 else patch
    return made
