"""Blends through the code lie closer to the data than blends of pixels, and a VAE's closer than a plain one's."""

import torch
from proving import Bench, Row
from torch import Tensor

import isthmus as ist
from isthmus.classifier import train_classifier
from isthmus.drawing.rows import Look, sample_rows
from isthmus.measures import nearest_samples
from isthmus.parts import Plain
from isthmus.uses.blend import blend, linear, spherical

EPOCHS = 10
HOW = {"batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine"}
SEEDS = (0, 1, 2)
PAIRS = 500
DISTANCE = "distance to the nearest training digit"
FEATURES = "the same in the features of a classifier"
CONFIDENCE = "confidence of the classifier"
ON_THE_WAY = torch.tensor([0.25, 0.5, 0.75])


class Judge:
    """Tells how near to the training digits blends are, by pixels and in the eyes of a classifier."""

    def __init__(self, data: ist.Data) -> None:
        self.data = data
        self.classifier = train_classifier(data.train, scaling=data.scaling)
        self.known = self.classifier.features(data.train)

    def __call__(self, made: Tensor) -> dict[str, float]:
        """Means over blends, (N, *shape) raw."""
        near = [torch.cdist(some, self.known).amin(1) for some in self.classifier.features(made).split(256)]
        return {
            DISTANCE: float(nearest_samples(made, self.data.train, self.data.scaling).distance.mean()),
            CONFIDENCE: float(self.classifier.probabilities(made).amax(1).mean()),
            FEATURES: float(torch.cat(near).mean()),
        }


def prove(bench: Bench) -> list[Row]:
    """500 pairs of test digits of different labels: a quarter, half and three quarters of the way, over three seeds."""
    data = bench.open()
    judge = Judge(data)
    start, end = _pairs(data.test)
    variety = ist.recipe("vae")
    blueprints = {"vae": variety, "plain": variety.replace(code=Plain(size=20), penalties=())}
    found: dict[str, list[dict[str, float]]] = {}
    raw = linear(start.tensor().float(), end.tensor().float(), ON_THE_WAY).flatten(0, 1)
    found |= {"pixels": [judge(raw)], "test digits themselves": [judge(start.tensor().float())]}
    runs: dict[str, ist.Run] = {}
    for seed in SEEDS:
        for name, blueprint in blueprints.items():
            run = bench.train(f"{name}-{seed}", blueprint, data, seed=seed, **HOW)
            runs.setdefault(name, run)
            ends = run.encode(start), run.encode(end)
            mixed = linear(run.reconstruct(start), run.reconstruct(end), ON_THE_WAY).flatten(0, 1)
            found.setdefault(f"pixels of what the {name} model reconstructs", []).append(judge(mixed))
            for title, way in (("linear", linear), ("spherical", spherical)):
                made = run.decode(way(*ends, ON_THE_WAY).flatten(0, 1))
                found.setdefault(f"{name}, {title}", []).append(judge(made))
    _draw(bench, runs)
    rows = [Row("accuracy of the classifier", judge.classifier.accuracy(data.test))]
    means = {
        name: {key: sum(seed[key] for seed in seeds) / len(seeds) for key in seeds[0]} for name, seeds in found.items()
    }
    pairs = (("vae, linear", "pixels"), ("plain, linear", "pixels"), ("vae, linear", "plain, linear"))
    for key, ask in ((DISTANCE, Row.at_most), (FEATURES, Row.at_most), (CONFIDENCE, Row.at_least)):
        for it, beside in pairs:
            ours, theirs = means[it][key], means[beside][key]
            rows.append(ask(f"{key}: {it}, beside {beside}", ours, theirs, beside, theirs))
    rows += [Row(f"{key}: {name}", value) for name, each in means.items() for key, value in each.items()]
    return rows


def _pairs(test: ist.Samples) -> tuple[ist.Samples, ist.Samples]:
    """As many pairs of different labels, drawn once."""
    assert test.labels is not None
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
    first, second = order[: len(order) // 2], order[len(order) // 2 : len(order) // 2 * 2]
    differ = (test.labels[first] != test.labels[second]).nonzero()[:PAIRS, 0]
    return test.take(first[differ]), test.take(second[differ])


def _draw(bench: Bench, runs: dict[str, ist.Run]) -> None:
    """A strip of each model between the same two digits, and an animation."""
    strips = {}
    for name, run in runs.items():
        found = blend(run, "test:4", "test:110", steps=9)
        strips |= {"pixels": found.samples["content"]} if name == "vae" else {}
        strips[f"{name}, linear"], strips[f"{name}, spherical"] = found.samples["linear"], found.samples["spherical"]
    bench.draw(sample_rows(strips, Look.of(runs["vae"])))
