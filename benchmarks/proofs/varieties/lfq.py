"""Signs make better pictures of their bits than principal components of as many, and no entry lies idle."""

from benchmarks.proofs.varieties.vq import EPOCHS, prove

__all__ = ["EPOCHS", "prove"]
