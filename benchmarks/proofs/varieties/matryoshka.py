"""Specific features absorb fewer general ones than in a dictionary whose directions all count the same."""

from benchmarks.proofs.dictionaries import beside, stated, trained
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 8


def prove(bench: Bench) -> list[Row]:
    """Absorption and F1 next to those of `batch-topk`; a little of the variance is the price."""
    found = trained(bench, "matryoshka", "batch-topk")
    (ours, others), (f1, its) = (beside(found, title) for title in ("absorption", "F1"))
    return [
        Row.at_most("absorption of general features", ours, others, "batch-topk's", beside=others),
        Row.at_least("F1 of detected features", f1, its, "batch-topk's", beside=its),
        *stated(found, "L0", "variance explained", "MCC"),
    ]
