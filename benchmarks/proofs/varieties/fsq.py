"""Rounded numbers make better pictures of their bits than principal components of as many; few of them lie idle."""

from benchmarks.proofs.varieties.vq import EPOCHS, prove

__all__ = ["EPOCHS", "prove"]
