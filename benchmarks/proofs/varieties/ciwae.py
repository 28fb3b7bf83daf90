"""A mixture of ELBO and importance-weighted bound makes digits more probable than a VAE does."""

from benchmarks.proofs.likelihood import compared_with_vae
from benchmarks.proofs.proving import Bench, Row, documented

EPOCHS = 12


def prove(bench: Bench) -> list[Row]:
    """The negative log-likelihood next to that of `vae`, whose code is drawn once."""
    return compared_with_vae(bench, documented("ciwae"))
