"""Points of hyperbolic space describe digits as well as normal codes of as few latent dimensions."""

from benchmarks.proofs.likelihood import compared_with_vae
from benchmarks.proofs.proving import Bench, Row, documented

EPOCHS = 12


def prove(bench: Bench) -> list[Row]:
    """The negative log-likelihood with five latent dimensions next to that of `vae` with as many."""
    return compared_with_vae(bench, documented("poincare-vae", code=5), code=5)
