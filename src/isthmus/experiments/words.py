"""A study's table in words: which columns it has, and its numbers with their spread."""

import math
from collections.abc import Mapping, Sequence

from isthmus.experiments.generative import ERROR
from isthmus.experiments.table import Entry
from isthmus.formatting import number, percent

WHOLE = ("code", "bits", "weights", "epochs")
"""Numbers that are told without digits after the point."""
MEASURES = ("mse", "explained_variance", "psnr", "ssim")
OF_DRAWS = ("elbo", "kl", "bits", "frechet")
"""Of models that can be drawn from (`isthmus.experiments.generative`)."""
SHORT = {
    "explained_variance": "explained",
    "elbo": "ELBO",
    "kl": "KL",
    "bits": "bits a number",
    "frechet": "Fréchet",
}


def tables(entries: Sequence[Entry], decided_by: str = "") -> dict[str, dict[str, str]]:
    """The tables of a study's page by title: each names its columns, by the number in the rows and by the head.

    One of the models, one of each part of the data, and one of their draws, so that none is wider than a page.

    decided_by: the part by whose shares of the variance the study decides, which are then listed too.
    """
    made = {"The models": _code(entries) | {"weights": "weights", "epochs": "epochs"}}
    parts = [part for part in ("test", "validation", "train") if any(f"{part}_mse" in e.means for e in entries)]
    for part in parts:
        names: dict[str, str] = {}
        for measure in MEASURES if part == parts[0] else MEASURES[: 2 if part == decided_by else 1]:
            short = SHORT.get(measure, measure)
            names[f"{part}_{measure}"] = short
            if measure in MEASURES[:2]:
                names[f"{part}_{measure}_pca"] = f"PCA's {short}"
        pictures = {name: names.pop(name) for name in list(names) if name.endswith(MEASURES[2:])}
        made[f"The {part} part"] = names
        made[f"The {part} part, as pictures"] = pictures
        made[f"The {part} part, of models with a prior"] = {f"{part}_{name}": SHORT[name] for name in OF_DRAWS}
    present = {title: _present(names, entries) for title, names in made.items()}
    return {title: names for title, names in present.items() if names}


def brief_columns(entries: Sequence[Entry], part: str) -> dict[str, str]:
    """The columns that fit a terminal of 80 characters: error and explained share of one part, PCA's beside them.

    Where all candidates are trained for the ELBO, this and what belongs to it come in their place.
    """
    names = _code(entries)
    if all(entry.aim != ERROR for entry in entries if entry.count):
        names |= {f"{part}_{name}": SHORT[name] for name in (*OF_DRAWS[:2], OF_DRAWS[3])} | {f"{part}_mse": "mse"}
        return _present(names, entries)
    order = ("mse", "explained_variance") if names else ("explained_variance", "mse")  # what it decides by comes first
    for measure in order:
        short = SHORT.get(measure, measure)
        names[f"{part}_{measure}"] = short
        if measure == "mse" or "code" not in names:
            names[f"{part}_{measure}_pca"] = f"PCA's {short}"
    names[f"{part}_elbo"] = SHORT["elbo"]
    return _present(names, entries)


def _present(names: Mapping[str, str], entries: Sequence[Entry]) -> dict[str, str]:
    """The columns that any candidate has."""
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
    """What PCA beside an candidate has: as many numbers as its code, or as many bits."""
    name, unit = ("pca_bits", "bit") if "pca_bits" in entry.means else ("pca_code", "number")
    count = entry.whole(name)
    return f"{count:,} {unit}{'s' * (count != 1)}"


def _code(entries: Sequence[Entry]) -> dict[str, str]:
    """The columns of the code's size; none where the candidates are called by it. Bits, where a code is quantised."""
    called = all(entry.candidate == f"code {entry.means.get('code', math.nan):.0f}" for entry in entries if entry.count)
    quantised = any("bits" in entry.means for entry in entries)
    return ({} if called else {"code": "code"}) | ({"bits": "bits"} if quantised else {})


def told(entry: Entry, name: str) -> str:
    """A mean and its standard deviation: `0.0123 ± 0.0004`; a dash for what is not there."""
    if name not in entry.means:
        return "–"
    spread = entry.spreads[name]
    return number(entry.means[name]) + (f" ± {number(spread, digits=2)}" if spread is not None else "")
