"""Rounded numbers make better pictures of their bits than principal components of as many; few of them lie idle."""

from proofs.vq import EPOCHS, prove

__all__ = ["EPOCHS", "prove"]
