"""Codes on a sphere describe digits as well as normal codes with as many numbers."""

from benchmarks.proofs.likelihood import compared_with_vae
from benchmarks.proofs.proving import Bench, Row, documented

EPOCHS = 12


def prove(bench: Bench) -> list[Row]:
    """The negative log-likelihood next to that of `vae`, with the same network and as many latent dimensions."""
    return compared_with_vae(bench, documented("hyperspherical-vae", code=10), code=10)
