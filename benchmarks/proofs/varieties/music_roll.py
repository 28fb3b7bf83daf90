"""Convolutions over piano rolls bring more of a chorale's notes through a code than as many principal components."""

import torch
from torch import Tensor
from torch.nn import functional as F

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.tunes import chorales, f1
from isthmus.data.media import Roll
from isthmus.drawing.look import Look
from isthmus.drawing.rows import sample_rows
from isthmus.parts import Hide
from isthmus.pca import PCA
from isthmus.seeds import seeded

EPOCHS = 20
SHOWN = 6
CUTS = (1e-3, 3e-3, 1e-2, 3e-2)
HIDDEN = 0.3
"""Of the test part's cells, what is hidden."""
ROUNDS = 20
"""How often PCA reconstructs its own filling; after that it hardly changes."""


def prove(bench: Bench) -> list[Row]:
    """The notes and the nats of two bars of the test chorales, by the model and by PCA with a code as large."""
    data = chorales(bench, kind="roll", step=1)
    medium = data.test.medium
    assert isinstance(medium, Roll)
    run = bench.train("roll", documented("music-roll"), data)
    real = data.test.tensor().float()
    made, nats, kl = _passed(run, real)
    pca = run.baseline().reconstruct(real)
    size = medium.pitches
    sounds = {name: f1(of[:, :size], real[:, :size]) for name, of in (("model", made), ("pca", pca))}
    starts = {name: f1(of[:, size:], real[:, size:]) for name, of in (("model", made), ("pca", pca))}
    bits = run.model.code_shape[0]
    picture = {"original": real, "music-roll": made, f"PCA, {bits}": pca}
    chosen = torch.linspace(0, len(real) - 1, SHOWN).long()
    rolls = {name: run.model.scaling.inverse(of[chosen]) for name, of in picture.items()}
    bench.draw(sample_rows(rolls, Look.of(run)))
    usual = data.train.tensor().float().mean((0, 2), keepdim=True).clamp(1e-6, 1 - 1e-6).expand_as(real)
    cuts = {
        cut: _nats(run.baseline().reconstruct(data.train.tensor().float()), data.train.tensor().float(), cut)
        for cut in CUTS
    }
    best = min(cuts, key=cuts.__getitem__)
    what = f"{len(real)} test samples of two bars"
    return [
        Row.at_least(
            f"F1 of the notes that sound, {what} (plain: PCA with {bits} components)",
            sounds["model"],
            sounds["pca"],
            "PCA's",
            beside=sounds["pca"],
        ),
        Row.at_least(
            "F1 of the notes that start (plain: PCA)", starts["model"], starts["pca"], "PCA's", beside=starts["pca"]
        ),
        Row.at_most(
            "nats of a sample, given its code (plain: PCA, cut to probabilities)",
            nats,
            _nats(pca, real, best),
            "PCA's",
            beside=_nats(pca, real, best),
        ),
        Row.at_most(
            "nats of a sample with its code's KL (plain: each pitch's frequency)",
            nats + kl,
            _nats(usual, real, 1e-6),
            "the frequencies'",
            beside=_nats(usual, real, 1e-6),
        ),
        *_restored(bench, data, size),
    ]


def _restored(bench: Bench, data: ist.Data, pitches: int) -> list[Row]:
    """Hidden cells that the model fills, against PCA and against the nearest known cell of the same channel."""
    run = bench.train("hidden", documented("music-roll").replace(corruption=Hide(share=HIDDEN)), data)
    real = data.test.tensor().float()
    hidden = torch.rand(real.shape, generator=seeded(0)) < HIDDEN
    holed, baseline = torch.where(hidden, torch.nan, real), run.baseline()
    assert isinstance(baseline, PCA)
    ways = {
        "model": run.fill(holed),
        "pca": _filled_by_pca(baseline, holed),
        "the nearest known cell in time": _nearest_in_time(holed),
    }
    rows = []
    for what, channels in {"sound": slice(0, pitches), "start": slice(pitches, None)}.items():
        cells = hidden[:, channels]
        found = {way: f1(of[:, channels][cells], real[:, channels][cells]) for way, of in ways.items()}
        title = f"F1 of the {HIDDEN:.0%} hidden cells that say where notes {what}"
        rows.append(Row(f"{title} (plain: PCA)", found["model"], found["pca"]))
        rows.append(Row(f"{title}: by the nearest known cell in time", found["the nearest known cell in time"]))
    return rows


def _filled_by_pca(pca: PCA, holed: Tensor) -> Tensor:
    """The components' reconstruction of the known cells, reached by reconstructing the filling again and again."""
    missing = holed.isnan()
    made = pca.reconstruct(holed)
    for _ in range(ROUNDS):
        made = pca.reconstruct(torch.where(missing, made, holed))
    return torch.where(missing, made, holed)


def _nearest_in_time(holed: Tensor) -> Tensor:
    """(N, C, T) with the nearest known cell of the same channel, the earlier of two, in place of NaN; else 0."""
    places = torch.arange(holed.shape[2], dtype=torch.float32)
    far = (places[:, None] - places).abs() + 0.1 * (places > places[:, None])
    made = torch.zeros_like(holed)
    for rows, filled in zip(holed.split(64), made.split(64), strict=True):
        nearest = torch.where(rows.isnan()[:, :, None], torch.inf, far).argmin(3)
        filled.copy_(rows.gather(2, nearest).nan_to_num(0.0))
    return made


@torch.no_grad()
def _passed(run: ist.Run, real: Tensor) -> tuple[Tensor, float, float]:
    """Reconstructions, and the means of the nats and of the KL."""
    model = run.model
    made, nats, kl = [], [], []
    for batch in real.split(512):
        out = model(batch)
        made.append(out.reconstruction.float().cpu())
        nats.append(model.objective.distances(out).cpu())
        divergence = model.code.kl(out.code)
        assert divergence is not None
        kl.append(divergence.flatten(1).sum(1).cpu())
    return torch.cat(made), float(torch.cat(nats).mean()), float(torch.cat(kl).mean())


def _nats(shares: Tensor, real: Tensor, cut: float) -> float:
    """The mean negative log-probability of a sample, from the probabilities of its numbers, cut to `cut`..1 - `cut`."""
    return float(F.binary_cross_entropy(shares.clamp(cut, 1 - cut), real, reduction="none").flatten(1).sum(1).mean())
