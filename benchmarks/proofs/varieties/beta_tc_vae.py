"""The latent dimensions depend less on each other than a VAE's, and follow the factors of sprites more."""

from benchmarks.proofs.factors import compared_with_vae, stated, total_correlation
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 12
TITLE = "total correlation of draws as if normal, nats"


def prove(bench: Bench) -> list[Row]:
    """The dependence and MIG next to those of `vae`; the error is its price."""
    found = compared_with_vae(bench, {TITLE: total_correlation})
    (ours, others), (gap, its) = found.pop(TITLE), found.pop("MIG")
    return [
        Row.at_most(TITLE, ours, others, "the vae's", beside=others),
        Row.at_least("MIG", gap, its, "the vae's", beside=its),
        *stated(found),
    ]
