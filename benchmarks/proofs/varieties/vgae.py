"""Drawn around means, the nodes' codes rank the missing edges of a graph above pairs that aren't joined."""

from benchmarks.proofs.varieties.gae import EPOCHS, prove

__all__ = ["EPOCHS", "prove"]
