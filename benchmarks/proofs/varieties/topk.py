"""An exact number of directions describes each sample, and they detect more features than those of an L1 penalty."""

from benchmarks.proofs.dictionaries import K, beside, stated, trained
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 8


def prove(bench: Bench) -> list[Row]:
    """The most active directions of a sample, and F1, next to those of a ReLU dictionary with an L1 penalty."""
    found = trained(bench, "topk", "standard")
    (most, others), (f1, its) = (beside(found, title) for title in ("most active directions of a sample", "F1"))
    return [
        Row.at_most("most active directions of a sample", most, K, "k", beside=others),
        Row.at_least("F1 of detected features", f1, its, "the L1 dictionary's", beside=its),
        *stated(found, "L0", "variance explained", "MCC"),
    ]
