"""The latent dimensions are less correlated than a VAE's, and as many of them stay in use."""

from benchmarks.proofs.factors import compared_with_vae, correlation, in_use, stated
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 12
TITLE, USED = "root mean square of the correlations of the codes", "latent dimensions in use"


def prove(bench: Bench) -> list[Row]:
    """The correlations, and the dimensions in use, next to those of `vae`."""
    found = compared_with_vae(bench, {TITLE: correlation, USED: in_use})
    (ours, others), (used, its) = found.pop(TITLE), found.pop(USED)
    return [
        Row.at_most(TITLE, ours, others, "the vae's", beside=others),
        Row.at_least(USED, used, its, "the vae's", beside=its),
        *stated(found),
    ]
