"""A map of a VAE's codes keeps more neighbours, and tells more labels, than the plane of the data's own PCA."""

import importlib.util

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.uses.projections import Way

EPOCHS = 10
HOW = {"batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine"}
SEEDS = (0, 1, 2)
MAPPED = 1000
"""Test digits on a map."""


def prove(bench: Bench) -> list[Row]:
    """Maps of 1,000 test digits by three ways, of three models, beside the plane of the digits' own PCA."""
    data = bench.open()
    ways: list[Way] = ["pca", "tsne"]
    ways += ["umap"] if importlib.util.find_spec("umap") else []
    trust: dict[str, list[float]] = {}
    known: dict[str, list[float]] = {}
    for seed in SEEDS:
        run = bench.train(f"vae-{seed}", documented("vae"), data, seed=seed, **HOW)
        for way in ways:
            drawn = seed == 0 and way == "tsne"
            found = ist.map_codes(run, way=way, most=MAPPED, seed=seed, across=16 if drawn else 0)
            if drawn:
                bench.draw(found.draw())
                found.write_page(bench.folder / "map.html")
            for name, quality in ((way, found.quality), ("data", found.beside)):
                trust.setdefault(name, []).append(quality.trustworthiness)
                known.setdefault(name, []).append(quality.knn_accuracy or 0.0)
    mean = [{name: sum(values) / len(values) for name, values in each.items()} for each in (trust, known)]
    rows = []
    for title, means in zip(("trustworthiness", "k-NN accuracy"), mean, strict=True):
        for way in ways:
            it, beside = means[way], means["data"]
            title_of = f"{title} of the codes by {way}, beside PCA of the digits"
            asked = way != "pca"
            rows.append(Row.at_least(title_of, it, beside, "PCA", beside) if asked else Row(title_of, it, beside))
    return rows
