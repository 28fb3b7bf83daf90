"""Music for the proofs: chorales, and the folk tunes that music21 ships; and figures that describe music."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import isthmus as ist
from benchmarks.digits import find_file
from benchmarks.proofs.proving import Bench
from isthmus.data.media.notes import Notes
from isthmus.data.music import to_midi

CHORALES = "music/jsb_chorales_16th.json"
FOLK = "ryansMammoth"
"""Ryan's Mammoth Collection, 1,059 reels, jigs and hornpipes (Boston 1883), in music21's folder `corpus`."""
MADE = "made.json"
SCALE = (0, 2, 4, 5, 7, 9, 11, 12)


def chorales(bench: Bench, **options: Any) -> ist.Data:
    """Bach's chorales on a grid of sixteenths; made ones if the file isn't at hand."""
    path = find_file(CHORALES)
    return _opened(bench, _made(bench) if path is None else path, "Bach's chorales", **options)


def folk_tunes(bench: Bench, **options: Any) -> ist.Data:
    """Folk tunes for fiddle; made ones if music21 isn't installed. They are converted to MIDI once, in the folder."""
    found, midi = importlib.util.find_spec("music21"), bench.folder / FOLK
    if found is not None and not midi.exists():
        to_midi(Path(str(found.origin)).parent / "corpus" / FOLK, midi)
    return _opened(bench, _made(bench) if found is None else midi, "Ryan's Mammoth Collection", **options)


def _opened(bench: Bench, path: Path, title: str, **options: Any) -> ist.Data:
    data = ist.open_data(path, **options)
    made = " (made up)" if path.name == MADE else ""
    told = f"{title}{made}: {len(data.train):,} samples to train, {len(data.test):,} to test"
    bench.data += [told] if told not in bench.data else []
    return data


def _made(bench: Bench) -> Path:
    """Pieces of random walks on a scale, in eighths, with a bass an octave or more below."""
    generator = np.random.default_rng(0)
    pieces = []
    for _ in range(120):
        walk = np.clip(generator.integers(-2, 3, 64).cumsum() + 3, 0, 7)
        upper = np.array(SCALE)[walk] + 60
        pieces.append(np.stack([upper, upper - generator.choice([12, 16, 19])], 1).repeat(2, 0).tolist())
    path = bench.folder / bench.name / MADE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"train": pieces[:80], "valid": pieces[80:100], "test": pieces[100:]}))
    return path


def f1(made: Tensor, real: Tensor) -> float:
    """The harmonic mean of precision and recall of numbers that are at least 0.5."""
    ours, theirs = made >= 0.5, real >= 0.5
    return float(2 * (ours & theirs).sum() / (ours.sum() + theirs.sum()))


def statistics(medium: Notes, values: Tensor) -> dict[str, np.ndarray]:
    """The shares of the pitch classes, durations and intervals from each note to the next."""
    found = [medium.decode(sample) for sample in values]
    notes = np.concatenate(found)
    intervals = np.concatenate([np.diff(rows[:, 2]) for rows in found]).clip(-13, 13) + 13
    counts = {
        "pitch classes": np.bincount(notes[:, 2] % 12, minlength=12),
        "durations": np.bincount(notes[:, 1].clip(max=32), minlength=33),
        "intervals": np.bincount(intervals, minlength=27),
    }
    return {name: count / count.sum() for name, count in counts.items()}


def apart(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> dict[str, float]:
    """The total variation distance of each statistic, 0 to 1."""
    return {name: float(np.abs(first[name] - second[name]).sum() / 2) for name in first}


def changed(blends: Tensor) -> tuple[float, float]:
    """(P, S, T) blends of P pairs in S steps: the mean share of tokens that change from step to step, and the largest.

    Both are shares of the tokens that differ between the ends, so that a straight way has a sum of 1.
    """
    moved = (blends[:, 1:] != blends[:, :-1]).double().mean(2)
    ends = (blends[:, -1] != blends[:, 0]).double().mean(1).clamp(min=1e-9)
    return float((moved.sum(1) / ends).mean()), float((moved.amax(1) / ends).mean())


def shuffled(values: Tensor, tokens: int, seed: int = 0) -> Tensor:
    """Samples of as many tokens, drawn one by one by their frequencies."""
    shares = torch.bincount(values.long().flatten(), minlength=tokens).double()
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(shares, values.numel(), replacement=True, generator=generator).view(values.shape)
