"""Damaged digits: every restoring recipe does better than doing nothing and than filters do."""

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from benchmarks.proofs.restoring import TASKS, Fold, Lot, prove_all

EPOCHS = 2
TRAIN, TEST = 4_000, 500
"""Digits: so many of MNIST's training part, and of its test part; filters take seconds a hundred."""


def prove(bench: Bench) -> list[Row]:
    """All tasks but colour on MNIST's digits."""
    whole = bench.open(validation=0.05)
    few = torch.arange(min(TRAIN, len(whole.train)))
    data = ist.Data(whole.train.take(few), whole.validation, whole.test, whole.scaling, whole.description)
    test = data.scaling(data.test.batch(torch.arange(min(TEST, len(data.test)))))
    chosen = {name: {} for name in TASKS if name != "recolour"}
    chosen["watermark"] = {"corruption__height": 10.0}
    return prove_all(bench, [Lot([Fold(data, {"": test})], chosen)])
