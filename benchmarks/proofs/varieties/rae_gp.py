"""A smooth decoder and a fitted mixture: draws are like digits, and errors are below a VAE's."""

from benchmarks.proofs.varieties.rae import EPOCHS, prove

__all__ = ["EPOCHS", "prove"]
