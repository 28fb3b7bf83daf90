"""Thresholds leave active features their size, and explain more of the variance than an L1 penalty on as few."""

from benchmarks.proofs.dictionaries import beside, stated, trained
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 8


def prove(bench: Bench) -> list[Row]:
    """Length of the reconstructions and variance explained, next to those of a ReLU dictionary with an L1 penalty.

    The length is the paper's relative reconstruction bias: 1 if nothing shrinks.
    """
    found = trained(bench, bench.name, "standard")
    (length, others), (explained, its) = (beside(found, title) for title in ("length", "variance explained"))
    return [
        Row.at_least("length of reconstructions, as a share", length, 0.95, "1 is without a fault", beside=others),
        Row.at_least("variance explained", explained, its, "the L1 dictionary's", beside=its),
        *stated(found, "L0", "F1", "MCC"),
    ]
