"""The order in which a traverse puts a code's numbers is that in which they are missed, and they move what it says."""

import torch
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.parts import Plain

EPOCHS = 10
HOW = {"batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine"}
SEEDS = (0, 1, 2)
KEPT = (3, 5, 8)
"""Numbers that a code is cut down to."""
CUT = 2000
"""Test digits whose codes are cut down."""
SWAPPED = 500
"""Pairs of test digits that swap one number."""


def prove(bench: Bench) -> list[Row]:
    """Codes cut down to the first of the order, and pairs of digits that swap one number; over three seeds."""
    data = bench.open()
    variety = documented("vae")
    blueprints = {"vae": variety, "plain": variety.replace(code=Plain(size=20), penalties=())}
    errors: dict[str, list[float]] = {}
    alike: dict[str, list[float]] = {}
    for seed in SEEDS:
        for name, blueprint in blueprints.items():
            run = bench.train(f"{name}-{seed}", blueprint, data, seed=seed, **HOW)
            found = ist.traverse(run, most=20)
            if name == "vae" and seed == 0:
                bench.draw(ist.traverse(run, "test:4", most=10).draw())
            test = data.test.take(torch.arange(min(CUT, len(data.test))))
            codes, middle = run.encode(test), run.encode(data.train)
            spread, middle = middle.std(0), middle.mean(0)
            generator = torch.Generator().manual_seed(seed)
            orders = {
                "traverse": [[move.number for move in found.moves]],
                "spread of the code": [spread.argsort(descending=True).tolist()],
                "by chance": [torch.randperm(20, generator=generator).tolist() for _ in range(10)],
            }
            for order, tried in orders.items():
                for kept in KEPT:
                    key = f"{name}, {kept} of 20 numbers, {order}"
                    each = [_error(run, test, codes, middle, some[:kept]) for some in tried]
                    errors.setdefault(key, []).append(sum(each) / len(each))
            told, usual = _likeness(run, data, codes, found)
            alike.setdefault(name, []).append(told)
            alike.setdefault(f"{name}, beside", []).append(usual)
    mean = {key: sum(values) / len(values) for key, values in (errors | alike).items()}
    rows = []
    for name in blueprints:
        for kept in KEPT:
            it, spread, chance = (mean[f"{name}, {kept} of 20 numbers, {order}"] for order in orders)
            title = f"{name}: mean squared error with {kept} of 20 numbers, "
            rows.append(Row.at_most(f"{title}the first, beside any", it, chance, "by chance", chance))
            rows.append(Row(f"{title}the first, beside those of the largest spread", it, spread))
        title = f"{name}: correlation of where a number acts with where the traverse saw it, beside where digits vary"
        usual = mean[f"{name}, beside"]
        rows.append(Row.at_least(title, mean[name], usual, "where digits vary", usual))
    return rows


def _error(run: ist.Run, test: ist.Samples, codes: Tensor, middle: Tensor, kept: list[int]) -> float:
    """Mean squared error, scaled, where only these numbers are the samples' own."""
    only = middle.expand_as(codes).clone()
    only[:, kept] = codes[:, kept]
    scaling = run.model.scaling
    return float((scaling(run.decode(only)) - scaling(test.tensor())).square().mean())


def _likeness(run: ist.Run, data: ist.Data, codes: Tensor, found: ist.Traverse) -> tuple[float, float]:
    """Where test digits change when two of them swap one number, correlated with where one digit's traverse did.

    And with the standard deviation of the training digits' pixels. The mean over the numbers that aren't idle.
    """
    varied = data.train.tensor().float().std(0).flatten()
    first, second = codes[:SWAPPED], codes[SWAPPED : 2 * SWAPPED]
    before = run.decode(first)
    told, usual = [], []
    for move in found.moves:
        if move.number not in found.idle:
            swapped = first.clone()
            swapped[:, move.number] = second[:, move.number]
            acted = (run.decode(swapped) - before).square().mean(0).sqrt().flatten()
            told.append(float(torch.corrcoef(torch.stack((acted, move.where.flatten())))[0, 1]))
            usual.append(float(torch.corrcoef(torch.stack((acted, varied)))[0, 1]))
    return sum(told) / len(told), sum(usual) / len(usual)
