"""The codes need hardly be moved to be draws of the prior; the plain one's do."""

from benchmarks.proofs.matching import matched
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 6


def prove(bench: Bench) -> list[Row]:
    """A test of normality, the discrepancy to the prior, the error, and what becomes of the prior's draws."""
    return matched(bench)
