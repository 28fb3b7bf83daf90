"""Books for each slice make better pictures of their bits than principal components of as many, and are used."""

from benchmarks.proofs.varieties.vq import EPOCHS, prove

__all__ = ["EPOCHS", "prove"]
