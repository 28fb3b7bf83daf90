"""A code says more about its sprite than a VAE's, and the draws of all codes are still distributed like the prior."""

from benchmarks.proofs.factors import compared_with_vae, drawn_codes, stated
from benchmarks.proofs.normality import discrepancy
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 12
TITLE = "MMD² of draws to the prior"


def prove(bench: Bench) -> list[Row]:
    """The error and the KL, and the distance to the prior, next to those of `vae`."""
    found = compared_with_vae(bench, {TITLE: lambda run, samples: discrepancy(drawn_codes(run, samples).float())})
    (ours, others), (error, its), (kl, its_kl) = (found.pop(key) for key in (TITLE, "distance, nats", "KL, nats"))
    return [
        Row.at_least("KL, nats", kl, its_kl, "the vae's", beside=its_kl),
        Row.at_most("distance, nats", error, its, "the vae's", beside=its),
        Row.at_most(TITLE, ours, 0.01, "0.30 is that of codes without a penalty", beside=others),
        *stated(found),
    ]
