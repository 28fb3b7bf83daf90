"""The code has as many nats as its capacity says, and no more."""

from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.measures import elbo

EPOCHS = 12
CAPACITIES = (10.0, 25.0)
OFF = 0.1
"""By which share the KL may miss its capacity."""


def prove(bench: Bench) -> list[Row]:
    """The KL at two capacities, and the distance that it buys."""
    data, rows = bench.open(), []
    for nats in CAPACITIES:
        run = bench.train(
            f"{nats:g} nats", documented("capacity-vae", capacity=nats), data, batch_size=128, schedule="cosine"
        )
        bound = elbo(run.model, data.test)
        off = abs(float(bound.kl.sum()) - nats)
        rows += [
            Row.at_most(f"how far the KL is from {nats:g} nats", off, OFF * nats, "a tenth"),
            Row(f"distance at {nats:g} nats", bound.distance),
        ]
    return rows
