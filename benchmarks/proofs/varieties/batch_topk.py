"""With as many active directions on average, it explains more of the variance than if each sample had their number."""

from benchmarks.proofs.dictionaries import K, beside, stated, trained
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 8


def prove(bench: Bench) -> list[Row]:
    """L0 after training, and the variance explained, next to those of `topk`."""
    found = trained(bench, "batch-topk", "topk")
    (l0, others), (explained, its) = (beside(found, title) for title in ("L0", "variance explained"))
    return [
        Row.at_most("L0, by the threshold after training", l0, 1.1 * K, "k and a tenth", beside=others),
        Row.at_least("variance explained", explained, its, "topk's", beside=its),
        *stated(found, "F1", "MCC"),
    ]
