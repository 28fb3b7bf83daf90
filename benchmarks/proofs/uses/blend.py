"""Blends through the code lie closer to the data than blends of pixels, and a VAE's closer than a plain one's."""

import torch
from torch import Tensor
from torch.nn import functional

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.classifier import QUICK, train_classifier
from isthmus.drawing.look import Look
from isthmus.drawing.rows import sample_rows
from isthmus.measures import nearest_samples
from isthmus.parts import Plain
from isthmus.uses.blend import blend, linear, spherical

EPOCHS = 10
HOW = {"batch_size": 128, "schedule": "cosine"}
RATES = {"vae": 4e-3, "plain": 4e-3, "vanilla": 8e-3}
"""Of 2e-3, 4e-3 and 8e-3, what leaves the least loss of the validation part after three epochs."""
SEEDS = (0, 1, 2)
PAIRS = 500
DISTANCE = "distance to the nearest training digit"
FEATURES = "the same in the features of a classifier"
CONFIDENCE = "confidence of three classifiers, calibrated"
ALONE = "confidence of one of them, as it is"
TEMPERATURES = torch.linspace(0.2, 5, 481).tolist()
ON_THE_WAY = torch.tensor([0.25, 0.5, 0.75])


class Judge:
    """Tells how near to the training digits blends are, by pixels and in the eyes of three classifiers.

    One network is easily sure of what no data look like. So the confidence is that of the mean of three networks'
    probabilities, at the temperature that makes the validation digits' labels the most probable.

    Source: Lakshminarayanan et al., Simple and scalable predictive uncertainty estimation using deep ensembles, NeurIPS
    (2017); Guo et al., On calibration of modern neural networks, ICML (2017).
    """

    def __init__(self, data: ist.Data) -> None:
        self.data = data
        self.classifiers = [
            train_classifier(data.train, data.validation, scaling=data.scaling, settings=QUICK.replace(seed=seed))
            for seed in SEEDS
        ]
        self.known = self.classifiers[0].features(data.train)
        logits, labels = self.logits(data.validation), data.validation.labels
        assert labels is not None
        lost = {each: float(functional.cross_entropy(logits / each, labels)) for each in TEMPERATURES}
        self.temperature = min(lost, key=lambda each: lost[each])

    def logits(self, given: ist.Samples | Tensor) -> Tensor:
        """(N, classes) logarithms of the mean probabilities."""
        return torch.stack([each.probabilities(given) for each in self.classifiers]).mean(0).clamp(min=1e-30).log()

    def confidence(self, made: Tensor) -> Tensor:
        """(N,) calibrated probability of the most probable label."""
        return (self.logits(made) / self.temperature).softmax(1).amax(1)

    def accuracy(self, samples: ist.Samples) -> float:
        """The share whose label is the most probable one."""
        return float((self.logits(samples).argmax(1) == samples.labels).double().mean())

    def __call__(self, made: Tensor) -> dict[str, float]:
        """Means over blends, (N, *shape) raw."""
        features = self.classifiers[0].features(made)
        near = [torch.cdist(some, self.known).amin(1) for some in features.split(256)]
        return {
            DISTANCE: float(nearest_samples(made, self.data.train, self.data.scaling).distance.mean()),
            CONFIDENCE: float(self.confidence(made).mean()),
            ALONE: float(self.classifiers[0].probabilities(made).amax(1).mean()),
            FEATURES: float(torch.cat(near).mean()),
        }


def prove(bench: Bench) -> list[Row]:
    """500 pairs of test digits of different labels: a quarter, half and three quarters of the way, over three seeds."""
    data = bench.open(validation=0.1)
    judge = Judge(data)
    start, end = _pairs(data.test)
    variety = documented("vae")
    plain = variety.replace(code=Plain(size=20), penalties=())
    blueprints = {"vae": variety, "plain": plain, "vanilla": documented("vanilla")}
    found: dict[str, list[dict[str, float]]] = {}
    raw = linear(start.tensor().float(), end.tensor().float(), ON_THE_WAY).flatten(0, 1)
    found |= {"pixels": [judge(raw)], "test digits themselves": [judge(start.tensor().float())]}
    runs: dict[str, ist.Run] = {}
    sure: dict[str, list[Tensor]] = {}
    for seed in SEEDS:
        for name, blueprint in blueprints.items():
            run = bench.train(f"{name}-{seed}", blueprint, data, seed=seed, learning_rate=RATES[name], **HOW)
            runs.setdefault(name, run)
            ends = run.encode(start), run.encode(end)
            mixed = linear(run.reconstruct(start), run.reconstruct(end), ON_THE_WAY).flatten(0, 1)
            found.setdefault(f"pixels of what the {name} model reconstructs", []).append(judge(mixed))
            for title, way in (("linear", linear), ("spherical", spherical)):
                made = run.decode(way(*ends, ON_THE_WAY).flatten(0, 1))
                found.setdefault(f"{name}, {title}", []).append(judge(made))
                sure.setdefault(f"{name}, {title}", []).append(judge.confidence(made).view(len(start), -1).mean(1))
    _draw(bench, runs)
    rows = [
        Row("accuracy of the three classifiers together", judge.accuracy(data.test)),
        Row("their temperature", judge.temperature),
    ]
    means = {
        name: {key: sum(seed[key] for seed in seeds) / len(seeds) for key in seeds[0]} for name, seeds in found.items()
    }
    pairs = [(f"{name}, linear", "pixels") for name in blueprints]
    pairs += [("vae, linear", "plain, linear"), ("vae, linear", "vanilla, linear")]
    for key, ask in ((DISTANCE, Row.at_most), (FEATURES, Row.at_most), (CONFIDENCE, Row.at_least)):
        for it, beside in pairs:
            ours, theirs = means[it][key], means[beside][key]
            rows.append(ask(f"{key}: {it}, beside {beside}", ours, theirs, beside, theirs))
    for way in ("linear", "spherical"):  # of each pair, over the seeds
        ours, theirs = (torch.stack(sure[f"{name}, {way}"]).mean(0) for name in ("vae", "plain"))
        title = f"{CONFIDENCE}: how far vae is ahead of plain, {way}, beside its standard error"
        rows.append(Row(title, float((ours - theirs).mean()), float((ours - theirs).std() / len(ours) ** 0.5)))
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
