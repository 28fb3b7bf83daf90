"""Books for slices of a rotated code make better pictures of their bits than principal components of as many."""

from benchmarks.proofs.varieties.vq import EPOCHS, prove

__all__ = ["EPOCHS", "prove"]
