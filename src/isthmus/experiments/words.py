"""A study's table in words: which columns it has, and its numbers with their spread."""

import math
from collections.abc import Mapping, Sequence

from isthmus.experiments.table import Entry
from isthmus.numerals import number, percent

WHOLE = ("code", "bits", "weights", "epochs")
"""Numbers that are told without digits after the point."""
MEASURES = ("mse", "explained_variance", "psnr", "ssim")


def columns(entries: Sequence[Entry], decided_by: str = "") -> dict[str, str]:
    """The columns of a study's table: what a number is called in its rows, and in its head.

    decided_by: the part by whose shares of the variance the study decides, which are then told too.
    """
    parts = [part for part in ("validation", "test", "train") if any(f"{part}_mse" in e.means for e in entries)]
    names = _code(entries) | {"weights": "weights", "epochs": "epochs"}
    for part in parts:
        for measure in MEASURES if part == parts[-1] else MEASURES[: 2 if part == decided_by else 1]:
            if any(f"{part}_{measure}" in entry.means for entry in entries):
                short = {"explained_variance": "explained"}.get(measure, measure)
                names[f"{part}_{measure}"] = f"{part} {short}"
                if measure in MEASURES[:2]:
                    names[f"{part}_{measure}_pca"] = f"PCA's {short}"
    return names


def brief_columns(entries: Sequence[Entry], part: str) -> dict[str, str]:
    """The columns that fit a terminal of 80 characters: error and explained share of one part, PCA's beside them."""
    names = _code(entries)
    order = ("mse", "explained_variance") if names else ("explained_variance", "mse")  # what it decides by comes first
    for measure in order:
        short = {"explained_variance": "explained"}.get(measure, measure)
        names[f"{part}_{measure}"] = short
        if measure == "mse" or "code" not in names:
            names[f"{part}_{measure}_pca"] = f"PCA's {short}"
    return {name: head for name, head in names.items() if any(name in entry.means for entry in entries)}


def cells(entry: Entry, names: Mapping[str, str]) -> list[str]:
    """An entry's row of a table: means, with ± their spread."""
    made = []
    for name in names:
        if name in WHOLE:
            made.append(f"{round(entry.means[name]):,}" if name in entry.means else "–")
        elif "explained" in name and name in entry.means:
            spread = entry.spreads[name] if not name.endswith("_pca") else None
            made.append(percent(entry.means[name]) + (f" ± {percent(spread)}" if spread else ""))
        else:
            made.append(number(entry.get(name)) if name.endswith("_pca") else told(entry, name))
    return made


def beside(entry: Entry) -> str:
    """What PCA beside an entrant has: as many numbers as its code, or as many bits."""
    name, unit = ("pca_bits", "bit") if "pca_bits" in entry.means else ("pca_code", "number")
    count = entry.whole(name)
    return f"{count:,} {unit}{'s' * (count != 1)}"


def _code(entries: Sequence[Entry]) -> dict[str, str]:
    """The columns of the code's size; none where the entrants are called by it. Bits, where a code is quantised."""
    called = all(entry.entrant == f"code {entry.means.get('code', math.nan):.0f}" for entry in entries if entry.count)
    quantised = any("bits" in entry.means for entry in entries)
    return ({} if called else {"code": "code"}) | ({"bits": "bits"} if quantised else {})


def told(entry: Entry, name: str) -> str:
    """A mean and its standard deviation: `0.0123 ± 0.0004`; a dash for what is not there."""
    if name not in entry.means:
        return "–"
    spread = entry.spreads[name]
    return number(entry.means[name]) + (f" ± {number(spread, digits=2)}" if spread is not None else "")
