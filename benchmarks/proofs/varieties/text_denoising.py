"""Typing errors are repaired: fewer characters are wrong after the model than before."""

from typing import Any

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from benchmarks.proofs.texts import shakespeare

EPOCHS = 3
HOW: dict[str, Any] = {"batch_size": 128, "learning_rate": 1e-3, "schedule": "cosine", "precision": "bfloat16"}
JUDGED = 500


def prove(bench: Bench) -> list[Row]:
    """The character error rate of held-out lines with errors, before and after."""
    data = shakespeare(bench)
    medium = data.medium
    assert medium is not None
    run = bench.train("text-denoising", ist.recipe("text-denoising"), data, **HOW)
    clean = data.test.some(JUDGED)
    corruption = run.model.corruption
    drawn = corruption.draw(len(clean), data.shape, torch.Generator().manual_seed(1))
    damaged = corruption(clean.tensor().float(), drawn)
    repaired = run.reconstruct(ist.Samples(damaged, kind="tokens", medium=medium))
    untouched = run.reconstruct(clean)
    texts = {
        name: medium.symbols_of(of)
        for name, of in {
            "clean": clean.tensor(),
            "damaged": damaged,
            "repaired": repaired,
            "untouched": untouched,
        }.items()
    }
    before, after, kept = (error_rate(texts[name], texts["clean"]) for name in ("damaged", "repaired", "untouched"))
    return [
        Row.at_most("character errors after repair, %", 100 * after, 100 * before, "before", 100 * before),
        Row("character errors made in clean lines, %", 100 * kept),
    ]


def error_rate(made: list[list[str]], wanted: list[list[str]]) -> float:
    """Edits (insertions, deletions, replacements) from the made to the wanted texts, by the wanted characters."""
    return sum(map(edits, made, wanted)) / sum(map(len, wanted))


def edits(one: list[str], other: list[str]) -> int:
    """Levenshtein's distance of two texts."""
    row = list(range(len(other) + 1))
    for place, symbol in enumerate(one, start=1):
        corner, row[0] = row[0], place
        for column, wanted in enumerate(other, start=1):
            corner, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, corner + (symbol != wanted))
    return row[-1]
