"""What a model has not seen is told from what it has: photographs, an unseen digit, other pictures, rows of tables."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from torch import Tensor

import isthmus as ist
from benchmarks.digits import find_file
from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.data.samples import Samples
from isthmus.uses.detect import draw_most_anomalous
from isthmus.uses.detector import By

EPOCHS = 8
SEEDS = (0, 1, 2)
MOST = 1000
"""Samples of each side that are judged."""
PATCHES = 500
CAT, OTHERS = 3, {"deer": 4, "ships": 8, "trucks": 9}
TREES = ((355, 5, 427, 205), (325, 420, 427, 555), (200, 585, 427, 640))
"""Top, left, bottom and right of what are trees and nothing else in china.jpg."""
TABLES = ("6_cardio", "38_thyroid", "4_breastw", "40_vowels", "28_pendigits", "25_musk")
NUMBERED: tuple[By, ...] = ("error", "distance", "neighbours")
OF_PICTURES: tuple[By, ...] = (*NUMBERED, "unexplained")
ALL: tuple[By, ...] = (*OF_PICTURES, "likelihood")
HOW = {"batch_size": 128, "schedule": "cosine"}


def prove(bench: Bench) -> list[Row]:
    """AUROC of each score, beside PCA's reconstruction error; for tables beside an isolation forest too."""
    digits = bench.open(validation=0.1)
    rows: list[Row] = []
    vae = bench.train("digits-vae", documented("vae"), digits, **HOW)
    deep = bench.train("digits-deep", documented("deep"), digits, **HOW)
    patches = vae.read(_patches())
    for title, run, ways in (("", vae, ALL), (", deep", deep, OF_PICTURES)):
        found = _rows(f"patches of photographs{title}", run, digits.test, patches, ways)
        place = ways.index("unexplained")
        of = found[place]
        found[place] = Row.at_least(of.number, of.it, 0.99, "a photograph is no digit", of.beside)
        rows += found
    shown = patches.take(range(5)).tensor(), digits.test.take(range(5)).tensor()
    bench.draw(draw_most_anomalous(vae.model, Samples(torch.cat(shown), kind="pictures")))
    rows += _unseen(bench, digits)
    rows += _cats(bench)
    return rows + _tables(bench)


def _unseen(bench: Bench, digits: ist.Data) -> list[Row]:
    """Models that have met all digits but one, for each of them."""
    found: dict[str, list[tuple[float, float]]] = {}
    for digit in range(10):
        data = replace(digits, train=_but(digits.train, digit), validation=_but(digits.validation, digit))
        data = replace(data, description=digits.description | {"fingerprint": f"all but {digit}"})
        known, anomalous = _but(digits.test, digit), _only(digits.test, digit)
        for recipe in ("vae", "deep"):
            run = bench.train(f"all-but-{digit}-{recipe}", documented(recipe), data, **HOW)
            for by in ALL if recipe == "vae" else OF_PICTURES:
                score = _auroc(run, by, known, anomalous)
                found.setdefault(f"{recipe}, {by}", []).append((score, _pca(run, known, anomalous)))
    rows = []
    for name, pairs in found.items():
        mean, pca = np.mean(pairs, 0)
        title = f"unseen digit (mean of ten): {name}"
        asked = name == "deep, error"
        rows.append(Row.at_least(title, mean, pca, "PCA", pca) if asked else Row(title, float(mean), float(pca)))
        hardest = int(np.argmin([score for score, _ in pairs]))
        rows.append(Row(f"the hardest, a {hardest}: {name}", *pairs[hardest]))
    return rows


def _cats(bench: Bench) -> list[Row]:
    """Cats against other classes of CIFAR-10, and, since it has none, against trees of a photograph."""
    path = find_file("cifar10_small.npz")
    if path is None:
        return []
    with np.load(path) as held:
        cats = held["x_train"][held["y_train"] == CAT]
        test = {name: held["x_test"][held["y_test"] == label] for name, label in {"cats": CAT, **OTHERS}.items()}
    bench.data.append(f"{path.name}: {len(cats)} cats to train on")
    data = ist.open_data(cats, kind="pictures", test=0, validation=0.1)
    run = bench.train("cats", documented("resnet", code=32), data, epochs=5 * bench.epochs, **HOW)
    known = run.read(test["cats"])
    anomalous = {"trees": run.read(_trees())} | {name: run.read(test[name]) for name in OTHERS}
    shown = [samples.take(range(2)).tensor() for samples in (known, *anomalous.values())]
    bench.draw(draw_most_anomalous(run.model, Samples(torch.cat(shown), kind="pictures")), "cats")
    return [
        row for name in anomalous for row in _rows(f"cats against {name}", run, known, anomalous[name], OF_PICTURES)
    ]


def _tables(bench: Bench) -> list[Row]:
    """Anomalies of ADBench; the models see half of the normal samples, the rest and the anomalies are judged."""
    found: dict[str, list[float]] = {}
    for name in TABLES:
        path = find_file(f"adbench/{name}.npz")
        if path is None:
            continue
        bench.data.append(path.name)
        for seed in SEEDS:
            for key, score in _table(bench, name, path, seed).items():
                found.setdefault(key, []).append(score)
    if not found:
        return []
    means = {name: float(np.mean(scores)) for name, scores in found.items()}
    forest, pca = means.pop("isolation forest"), means.pop("PCA")
    title = f"tables (mean of {len(TABLES)} sets, {len(SEEDS)} seeds): "
    rows = [Row(f"{title}{by}", score, forest) for by, score in means.items()]
    rows[0] = Row.at_least(rows[0].number, rows[0].it, forest, "isolation forest", forest)
    return [*rows, Row(f"{title}PCA's error", pca, forest)]


def _table(bench: Bench, name: str, path: object, seed: int) -> dict[str, float]:
    with np.load(str(path)) as held:
        values, anomalous = held["X"].astype(np.float32), held["y"] == 1
    normal = np.random.default_rng(seed).permutation(values[~anomalous])
    half = len(normal) // 2
    data = ist.open_data(normal[:half], kind="table", test=0, validation=0.2, seed=seed)
    blueprint = documented("deep", code=max(1, values.shape[1] // 4), widths=(64, 32))
    run = bench.train(f"{name}-{seed}", blueprint, data, seed=seed, epochs=5 * bench.epochs, **HOW | {"batch_size": 32})
    known, other = run.read(normal[half:]), run.read(values[anomalous])
    scores = {by: _auroc(run, by, known, other) for by in NUMBERED}
    forest = IsolationForest(random_state=seed).fit(normal[:half])
    marks = -forest.score_samples(np.concatenate([normal[half:], values[anomalous]]))
    truth = [0] * len(known) + [1] * len(other)
    return scores | {"isolation forest": float(roc_auc_score(truth, marks)), "PCA": _pca(run, known, other)}


def _rows(title: str, run: ist.Run, known: Samples, anomalous: Samples, ways: Iterable[By]) -> list[Row]:
    pca = _pca(run, known, anomalous)
    return [Row(f"{title}: {by}", _auroc(run, by, known, anomalous), pca) for by in ways]


def _auroc(run: ist.Run, by: By, known: Samples, anomalous: Samples) -> float:
    """How often an anomalous sample has a higher score than a known one."""
    found = ist.detector(run, by)
    return _area(found.scores(_some(known)), found.scores(_some(anomalous)))


def _pca(run: ist.Run, known: Samples, anomalous: Samples) -> float:
    """The same of the reconstruction error of PCA with as many numbers as the code."""
    pca = run.baseline()

    def errors(samples: Samples) -> Tensor:
        scaled = run.model.scaling(_some(samples).tensor())
        return (pca.reconstruct(scaled) - scaled).flatten(1).square().mean(1)

    return _area(errors(known), errors(anomalous))


def _area(known: Tensor, anomalous: Tensor) -> float:
    return float(roc_auc_score([0] * len(known) + [1] * len(anomalous), torch.cat([known, anomalous]).numpy()))


def _patches() -> np.ndarray:
    """(500, 28, 28) bytes, cut at random out of scikit-learn's two photographs, in grey."""
    generator, cut = np.random.default_rng(0), []
    photographs = [picture.mean(2) for picture in load_sample_images().images]
    for place in range(PATCHES):
        picture = photographs[place % len(photographs)]
        top, left = (int(generator.integers(0, side - 28)) for side in picture.shape)
        cut.append(picture[top : top + 28, left : left + 28])
    return np.stack(cut).astype(np.uint8)


def _trees() -> np.ndarray:
    """(200, 32, 32, 3) bytes: squares of 32 to 55 pixels, cut at random out of the trees of china.jpg, made smaller."""
    generator, cut = np.random.default_rng(0), []
    photograph = Image.fromarray(load_sample_images().images[0])
    for place in range(200):
        top, left, bottom, right = TREES[place % len(TREES)]
        side = int(generator.integers(32, 56))
        x, y = (int(generator.integers(low, high - side + 1)) for low, high in ((left, right), (top, bottom)))
        cut.append(np.asarray(photograph.resize((32, 32), Image.Resampling.LANCZOS, box=(x, y, x + side, y + side))))
    return np.stack(cut)


def _labels(samples: Samples) -> Tensor:
    assert samples.labels is not None
    return samples.labels


def _but(samples: Samples, label: int) -> Samples:
    return samples.take((_labels(samples) != label).nonzero()[:, 0])


def _only(samples: Samples, label: int) -> Samples:
    return samples.take((_labels(samples) == label).nonzero()[:, 0])


def _some(samples: Samples) -> Samples:
    return samples.take(range(min(MOST, len(samples))))
