"""Digits are more probable under a learnt mixture of normals as prior than under a standard normal one."""

from benchmarks.proofs.likelihood import compared_with_vae
from benchmarks.proofs.proving import Bench, Row, documented

EPOCHS = 12


def prove(bench: Bench) -> list[Row]:
    """The negative log-likelihood next to that of `vae`, with the same network and as many latent dimensions."""
    return compared_with_vae(bench, documented("mixture-vae"))
