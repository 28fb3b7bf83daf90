"""Relaxed less and less while it learns, a code of values finds digits more probable than one that stays relaxed."""

import torch

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.rate import coded, use_of_book
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import elbo
from isthmus.parts import Gumbel
from isthmus.uses.judge import judge
from isthmus.uses.sample import source_of

EPOCHS = 10


def prove(bench: Bench) -> list[Row]:
    """The bound of one-hot codes next to that of a code that never cools, and how its values are used."""
    data = bench.open()
    blueprint = documented(bench.name)
    code = blueprint.code
    assert isinstance(code, Gumbel)
    warm = blueprint.replace(code=code.replace(cooling=0))
    run, other = (
        bench.train(title, of, data, schedule="cosine") for title, of in ((bench.name, blueprint), ("warm", warm))
    )
    hard, uncooled = (-elbo(of.model, data.test).value for of in (run, other))
    relaxed = float(run.history[-1]["loss"])
    perplexity, _ = use_of_book(coded(run.model, data.test).indices, code.entries)
    source = source_of(run, way="prior")
    drawn = judge(run, source, count=2000).draws
    bench.draw(mosaics({"gumbel, prior": source.draw(25, torch.Generator().manual_seed(0)).values / 255}, across=5))
    return [
        Row.at_most("nats of a test digit, one-hot codes", hard, uncooled, "a code that never cools", beside=uncooled),
        Row("nats of a training digit, relaxed codes of the last epoch", relaxed),
        Row.at_least("perplexity of the values", perplexity, 0.5 * code.entries, f"half of {code.entries}"),
        Row("Fréchet distance of draws from the uniform prior", drawn.frechet),
    ]
