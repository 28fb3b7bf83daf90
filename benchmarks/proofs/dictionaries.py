"""Dictionaries on made-up activations with known features, beside an L1 dictionary of the same size and budget."""

from functools import cache
from typing import Any

from torch import Tensor

import isthmus as ist
from benchmarks.proofs import sparse_features as bench_of
from benchmarks.proofs.proving import Bench, Row
from isthmus.measures import absorption, detection, matched_cosine

SAMPLES, TEST, K = 60_000, 4_000, 7
"""Activations to train on and to test with, and the directions that are active in a sample on average."""
SETTINGS: dict[str, Any] = {"batch_size": 512, "learning_rate": 2e-3, "schedule": "linear", "compile": False}


@cache
def _known() -> tuple[bench_of.Bench, Tensor, Tensor, Tensor]:
    bench = bench_of.Bench.make()
    return bench, bench.draw(SAMPLES, 1)[0], *bench.draw(TEST, 2)


def trained(bench: Bench, *names: str) -> dict[str, dict[str, float]]:
    """The figures of recipes of `sparse_features` by their names: L0, variance explained, F1, MCC, absorption.

    length: of the reconstructions, as a share of the best length that they could have (without the mean); below 1, they
    shrink. It is the relative reconstruction bias of Rajamanoharan et al., NeurIPS (2024).
    """
    known, train, activations, strengths = _known()
    data = ist.open_data(train, scaling="rms", validation=0, test=0)
    told = f"made-up activations of {bench_of.FEATURES:,} features in {bench_of.WIDTH} dimensions: {SAMPLES:,} to train"
    bench.data += [told] if told not in bench.data else []
    found = {}
    for name in names:
        run = bench.train(name, bench_of.blueprint(name, K), data, **SETTINGS)
        codes = run.encode(activations).cpu()
        directions = run.model.decoder.get_parameter("output.weight").detach().cpu().T
        truth = (codes, strengths > 0, directions, known.directions)
        made, clean = (values - activations.mean(0) for values in (run.reconstruct(activations).cpu(), activations))
        found[name] = {
            "L0": float((codes != 0).double().sum(1).mean()),
            "most active directions of a sample": float((codes != 0).sum(1).max()),
            "variance explained": 1 - float((made - clean).square().sum() / clean.square().sum()),
            "length": float(made.square().sum() / (made * clean).sum()),
            "F1": detection(*truth).f1,
            "MCC": matched_cosine(directions, known.directions),
            "absorption": absorption(*truth, known.parents),
        }
    return found


def stated(found: dict[str, dict[str, float]], *titles: str) -> list[Row]:
    """Numbers of two recipes that are only stated."""
    ours, others = found.values()
    return [Row(title, ours[title], others[title]) for title in titles]


def beside(found: dict[str, dict[str, float]], title: str) -> tuple[float, float]:
    """A number of both."""
    ours, others = found.values()
    return ours[title], others[title]
