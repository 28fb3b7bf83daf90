"""A digit costs at most 106 nats after ten epochs, and what is drawn from the prior looks like one."""

import torch

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import elbo
from isthmus.parts import Plain

EPOCHS = 10
HOW = {"batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine"}


def prove(bench: Bench) -> list[Row]:
    """The negative ELBO, what each number of the code costs, reconstructions and new digits."""
    data = bench.open()
    variety = documented("vae")
    run = bench.train("vae", variety, data, **HOW)
    plain = bench.train(
        "plain",
        variety.replace(code=Plain(size=20), penalties=()),
        data,
        **HOW,
    )
    found = elbo(run.model, data.test)
    costs = found.kl.sort(descending=True).values.tolist()
    listed = ", ".join(f"{cost:.2f}" for cost in costs)
    errors = [which.evaluate(data.test)["given"]["mse"]["model"] for which in (run, plain)]
    given = data.test.take(torch.arange(64))
    drawn = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
    panels = {
        "given": given.tensor() / 255,
        "reconstructed": run.reconstruct(given) / 255,
        "drawn from the prior": run.decode(drawn) / 255,
        "the plain one's draws": plain.decode(drawn * plain.encode(data.train).std(0)) / 255,
    }
    bench.draw(mosaics(panels, across=8))
    return [
        Row.at_most("negative ELBO, nats", -found.value, 106),
        Row(f"KL, nats; of each number: {listed}", float(found.kl.sum())),
        Row("mean squared error", errors[0], errors[1]),
    ]
