"""A decoder of text uses its code: it needs fewer nats than without one, and the doctor tells both apart."""

from typing import Any

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from benchmarks.proofs.texts import bible, shakespeare
from isthmus.doctor.diagnosis import diagnose
from isthmus.measures import elbo, log_likelihood
from isthmus.parts import Plain
from isthmus.parts.distances.tokens import counted

EPOCHS = 6
HOW: dict[str, Any] = {"batch_size": 128, "learning_rate": 3e-3, "schedule": "cosine", "precision": "bfloat16"}
SAMPLES, DRAWS = 200, 50
"""Samples, and draws of each, of the importance-weighted likelihood."""
ACTIVE = 0.01
"""The variance of a mean over the samples from which a latent dimension is active (Burda et al. 2016)."""


def prove(bench: Bench) -> list[Row]:
    """The recipe, a plain code and no code, on both texts; and what the doctor says of each."""
    rows: list[Row] = []
    for title, data in {"Shakespeare": shakespeare(bench), "Bible": bible(bench)}.items():
        if data is None:
            continue
        more = {"epochs": bench.epochs // 3} if title == "Bible" else {}
        recipe = ist.recipe("text-vae")
        kl = recipe.penalties[0]
        runs = {
            "text-vae": recipe,
            "plain": recipe.replace(code=Plain(size=32), penalties=()),
            "no code": recipe.replace(penalties=(kl.replace(free_bits=0.0, weight=10.0),)).with_options(
                word_dropout=0.0
            ),
        }
        for name, blueprint in runs.items():
            run = bench.train(f"{title}-{name}", blueprint, data, **HOW | more)
            rows += _rows(f"{title}, {name}", run, data)
    return rows


def _rows(title: str, run: ist.Run, data: ist.Data) -> list[Row]:
    """What is measured of one model on the test part."""
    test = data.test.some(2000)
    found = run.evaluate(test)["given"]
    ngram = found["nats"]["n-gram"]
    rows = [
        Row(f"{title}: nats a token, given the code", found["nats"]["model"], ngram),
        Row(
            f"{title}: right tokens, given those before, %",
            *(100 - 100 * found["wrong"][of] for of in ("model", "n-gram")),
        ),
        Row(f"{title}: right tokens, from the code alone, %", 100 - 100 * found["wrong_from_code"]["model"]),
    ]
    if run.model.objective.towards_prior:
        few = test.some(SAMPLES)
        bound, likelihood = elbo(run.model, few), log_likelihood(run.model, few, draws=DRAWS)
        spread = run.encode(test).flatten(1).var(0)
        rows += [
            Row(
                f"{title}: -log p(x) by importance weighting, nats a token",
                -likelihood.mean * len(few) / _tokens(few),
                ngram,
            ),
            Row(f"{title}: KL, nats a text", float(bound.kl.sum())),
            Row(f"{title}: active units of {len(spread)}", int((spread > ACTIVE).sum())),
        ]
        names = {finding.name for finding in diagnose(run)}
        ill = bool(names & {"posterior collapse", "code ignored"})
        wanted = "no code" in title
        rows.append(
            Row(
                f"{title}: the doctor finds a code without use",
                float(ill),
                asked=f"= {int(wanted)}",
                reached=ill == wanted,
            )
        )
    return rows


def _tokens(samples: ist.Samples) -> int:
    """Tokens up to and including the ends."""
    return int(counted(samples.tensor()).sum())
