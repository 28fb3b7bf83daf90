"""Damaged CIFAR-10 pictures: every restoring recipe does better than doing nothing and than filters do."""

from typing import Any

import numpy as np
import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from benchmarks.proofs.restoring import TASKS, Fold, Lot, prove_all

EPOCHS = 2
TRAIN, TEST = 4_000, 500
"""Pictures of the training part, and of the test part; filters take seconds a hundred."""
HARDER = ("inpaint", "recolour")
"""Tasks that learn from all pictures, for little tells what is lost."""


def prove(bench: Bench) -> list[Row]:
    """All tasks on CIFAR-10, 4,000 pictures to train, or all that there are."""
    stand_in = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
    whole = bench.open("cifar10_small.npz", stand_in, validation=0.05)
    few = torch.arange(min(TRAIN, len(whole.train)))
    data = ist.Data(whole.train.take(few), whole.validation, whole.test, whole.scaling, whole.description)
    test = data.scaling(data.test.batch(torch.arange(min(TEST, len(data.test)))))
    chosen: dict[str, dict[str, Any]] = {name: {} for name in TASKS if name not in HARDER}
    chosen["watermark"] = {"corruption__height": 10.0}
    harder: dict[str, dict[str, Any]] = {name: {} for name in HARDER}
    return prove_all(bench, [Lot([Fold(data, {"": test})], chosen), Lot([Fold(whole, {"": test})], harder)])
