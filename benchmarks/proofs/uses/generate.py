"""Draws of a prior or a fitted mixture are far nearer to real digits than naive draws, and of the class asked for."""

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.classifier import Classifier
from isthmus.samplers import fit_sampler
from isthmus.uses.judge import classifier_of, judge
from isthmus.uses.sample import Source, Wanted, sample, source_of

EPOCHS = 5
HOW = {"batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine", "compile": False}
WAYS: dict[str, tuple[str, Wanted]] = {
    "vae, prior": ("vae", "prior"),
    "vae, mixture": ("vae", "mixture"),
    "wae, prior": ("wae", "prior"),
    "vanilla, Gaussian": ("vanilla", "gaussian"),
    "vanilla, mixture": ("vanilla", "mixture"),
    "vanilla, neighbours": ("vanilla", "neighbours"),
}
COUNT, OF_A_CLASS = 2000, 200
"""Draws that are judged, as many test digits; draws of each class."""


def prove(bench: Bench) -> list[Row]:
    """Each model's draws by each way, in a digit classifier's features; by class; and what a VAE finds probable."""
    data = bench.open()
    runs = {name: bench.train(name, documented(name), data, **HOW) for name in ("vae", "vanilla", "wae")}
    judge_by = classifier_of(runs["vae"])
    vanilla = runs["vanilla"]
    size = torch.Size(vanilla.model.code_shape).numel()
    sources = {title: source_of(runs[name], way=way) for title, (name, way) in WAYS.items()}
    sources["vanilla, naive"] = Source(vanilla, fit_sampler(torch.zeros(1, size), "prior"), "prior", None)
    found = {
        title: judge(source.run, source, features=judge_by.features, count=COUNT) for title, source in sources.items()
    }
    naive, real = found["vanilla, naive"].draws, found["vae, prior"].data
    drawn = {title: source.draw(25, torch.Generator().manual_seed(0)).values / 255 for title, source in sources.items()}
    shown = ("vanilla, naive", "vanilla, mixture", "wae, prior", "vae, prior")
    bench.draw(mosaics({title: drawn[title] for title in shown}, across=5))
    rows = [Row("accuracy of the judging classifier on test digits", judge_by.accuracy(data.test))]
    for title, of in found.items():
        if title != "vanilla, naive":
            rows += [
                Row.at_most(
                    f"{title}: Fréchet distance",
                    of.draws.frechet,
                    naive.frechet / 4,
                    "a quarter of naive draws'",
                    naive.frechet,
                ),
                Row.at_least(
                    f"{title}: coverage", of.draws.coverage, 2 * naive.coverage, "twice naive draws'", naive.coverage
                ),
                Row(f"{title}: precision", of.draws.precision, naive.precision),
                Row(f"{title}: recall", of.draws.recall, naive.recall),
                Row(f"{title}: density", of.draws.density, naive.density),
            ]
    if real is not None:
        rows += [
            Row(f"training digits in the draws' place: {name}", value, getattr(naive, name))
            for name, value in real.to_json().items()
            if name in ("frechet", "coverage", "precision", "recall", "density")
        ]
    obeyed = _obeyed(vanilla, judge_by)
    rows.append(Row.at_least("vanilla, a mixture for each class: draws that the classifier finds of it", obeyed, 0.8))
    likelihood = found["vae, prior"]
    if likelihood.likelihood is not None and likelihood.bits is not None:
        rows += [
            Row("vae: log p(x), nats, 100 test digits by 1,000 draws", likelihood.likelihood.mean),
            Row("vae: its standard error, nats", likelihood.likelihood.standard_error),
            Row("vae: bits a pixel", likelihood.bits),
        ]
    return rows


def _obeyed(run: ist.Run, judge_by: Classifier) -> float:
    """The share of draws of each class that the classifier takes for that class, the mean over the classes."""
    names = run.open().label_names
    shares = [
        judge_by.probabilities(sample(run, OF_A_CLASS, label=name).values).argmax(1) == place
        for place, name in enumerate(names)
    ]
    return float(torch.cat(shares).double().mean())
