"""The proof of the varieties for series: ECG5000's normal beats are learnt, the abnormal ones told by their error."""

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

import isthmus as ist
from benchmarks.digits import find_file
from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.data import read_samples
from isthmus.drawing.figures import series_lines
from isthmus.report.looks import Looks

FILE = "ecg5000.txt"
SHARE = 0.8
"""Of the normal beats, what is trained on; the others, and all abnormal ones, are told apart."""


def prove_heartbeats(bench: Bench, **settings: Any) -> list[Row]:
    """The area under the curve of the reconstruction error, for whole beats and for beats cut at random."""
    train, test, abnormal = heartbeats()
    common: dict[str, Any] = {"batch_size": 32, "schedule": "cosine", **settings}
    rows = []
    bench.data.append(f"{FILE if find_file(FILE) else 'made up'}: {len(train)} to train, {len(test)} to tell apart")
    for title, cut in (("whole", False), ("cut", True)):
        beats = [shortened(part, seed) if cut else part for seed, part in enumerate((train, test))]
        data = ist.open_data(beats[0], kind="series", validation=0, test=0)
        run = bench.train(title, documented(bench.name), data, **common)
        given = read_samples(beats[1], like=run.description)
        errors = run.evaluation(given).errors["given"]
        area = {rival: float(roc_auc_score(abnormal, values)) for rival, values in errors.items()}
        which = "beats cut after 70 to 140 steps" if cut else "whole beats"
        what = f"area under the ROC curve of the error, {which} (plain: PCA)"
        stated = Row(what, area["model"], area["pca"])
        rows.append(stated if cut else Row.at_least(what, area["model"], 0.95, beside=area["pca"]))
        bench.draw(_picture(run, Looks(run.model, run.baseline(), given, errors), abnormal), title if cut else "")
    return rows


def heartbeats() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 140) normal beats to train on, (M, 140) others, and (M,) which of those are abnormal.

    Where the file isn't at hand: waves that beat once, and twice for the abnormal.
    """
    path = find_file(FILE)
    if path is None:
        generator = np.random.default_rng(0)
        time = np.linspace(0, 2 * np.pi, 140)
        labels = np.repeat([1, 2], 250)
        beats = np.sin(labels[:, None] * time + generator.normal(0, 0.2, (500, 1)))
    else:
        table = np.loadtxt(path)
        labels, beats = table[:, 0], table[:, 1:]
    beats = beats.astype(np.float32)
    normal = np.random.default_rng(0).permutation(np.flatnonzero(labels == 1))
    count = int(SHARE * len(normal))
    rest = np.concatenate([normal[count:], np.flatnonzero(labels != 1)])
    return beats[normal[:count]], beats[rest], labels[rest] != 1


def shortened(beats: np.ndarray, seed: int) -> list[np.ndarray]:
    """The same beats, each cut after 70 to 140 steps."""
    lengths = np.random.default_rng(seed).integers(70, 141, len(beats))
    lengths[0] = beats.shape[1]  # so that both parts have beats of the whole length
    return [beat[:length] for beat, length in zip(beats, lengths, strict=True)]


@torch.no_grad()
def _picture(run: ist.Run, looks: Looks, abnormal: np.ndarray) -> Figure:
    """Two normal beats and one abnormal one of each class, with what came back of them."""
    normal, others = np.flatnonzero(~abnormal), np.flatnonzero(abnormal)
    places = torch.from_numpy(np.concatenate([normal[1:3], others[[1, 60, 120, -4]]]))
    rows = {name: run.model.scaling.inverse(scaled) for name, scaled in looks.rows(places).items()}
    errors = looks.captions(places)
    kinds = ["abnormal" if abnormal[place] else "normal" for place in places]
    return series_lines(rows, captions=[f"{kind}: error {error}" for kind, error in zip(kinds, errors, strict=True)])
