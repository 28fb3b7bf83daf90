"""A study's table in words: its columns, and its numbers with their spread."""

import math
from collections.abc import Mapping, Sequence

from isthmus.experiments.generative import ERROR, ERROR_OF_TOKENS
from isthmus.experiments.table import Entry, measured
from isthmus.formatting import number, percent

WHOLE = ("code", "bits", "weights", "epochs")
"""Numbers that are written without decimals."""
MEASURES = ("mse", "explained_variance", "psnr", "ssim")
OF_TOKENS = {
    "nats_with_code": "nats with code",
    "nats": "nats",
    "wrong_from_code": "wrong from code",
    "wrong": "wrong",
}
"""Measures of models of tokens (`isthmus.measures.tokens`)."""
OF_DRAWS = ("elbo", "kl", "bits", "frechet")
"""Measures of generative models (`isthmus.experiments.generative`)."""
SHORT = {
    "explained_variance": "explained",
    "elbo": "ELBO",
    "kl": "KL",
    "bits": "bits per number",
    "frechet": "Fréchet",
}


def tables(entries: Sequence[Entry], decided_by: str = "") -> dict[str, dict[str, str]]:
    """The tables of a study's page by title; each maps the numbers in the rows to the heads of the columns.

    There is a table of the models, and one or more for each part of the data, so that none is wider than a page.

    decided_by: the part by whose explained variance the study decides; it is then listed too.
    """
    made = {"The models": _code(entries) | {"weights": "weights", "epochs": "epochs"}}
    parts = [part for part in ("test", "validation", "train") if any(measured(e.means, part) for e in entries)]
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
        made[f"The {part} part, tokens"] = _of_tokens(part)
        made[f"The {part} part, of models with a prior"] = {f"{part}_{name}": SHORT[name] for name in OF_DRAWS}
    present = {title: _present(names, entries) for title, names in made.items()}
    return {title: names for title, names in present.items() if names}


def brief_columns(entries: Sequence[Entry], part: str) -> dict[str, str]:
    """The columns that fit a terminal of 80 characters: error and explained variance of one part, with PCA's.

    If all candidates are trained for the ELBO, the ELBO and its parts are shown instead.
    """
    names = _code(entries)
    if any(f"{part}_{ERROR_OF_TOKENS}" in entry.means for entry in entries):
        return _present(names | _of_tokens(part), entries)
    if all(entry.aim != ERROR for entry in entries if entry.count):
        names |= {f"{part}_{name}": SHORT[name] for name in (*OF_DRAWS[:2], OF_DRAWS[3])} | {f"{part}_mse": "mse"}
        return _present(names, entries)
    order = ("mse", "explained_variance") if names else ("explained_variance", "mse")  # the measure that decides first
    for measure in order:
        short = SHORT.get(measure, measure)
        names[f"{part}_{measure}"] = short
        if measure == "mse" or "code" not in names:
            names[f"{part}_{measure}_pca"] = f"PCA's {short}"
    names[f"{part}_elbo"] = SHORT["elbo"]
    return _present(names, entries)


def _of_tokens(part: str) -> dict[str, str]:
    """The columns of models of tokens."""
    ngram = {f"{part}_nats_n-gram": "n-gram's nats"}
    return {f"{part}_{name}": head for name, head in OF_TOKENS.items()} | ngram


def _present(names: Mapping[str, str], entries: Sequence[Entry]) -> dict[str, str]:
    """The columns that at least one candidate has."""
    return {name: head for name, head in names.items() if any(name in entry.means for entry in entries)}


def cells(entry: Entry, names: Mapping[str, str]) -> list[str]:
    """An entry's row of a table: means ± their spread."""
    made = []
    for name in names:
        if name in WHOLE:
            made.append(f"{round(entry.means[name]):,}" if name in entry.means else "–")
        elif "explained" in name and name in entry.means:
            spread = entry.spreads[name] if not name.endswith("_pca") else None
            made.append(percent(entry.means[name]) + (f" ± {percent(spread)}" if spread else ""))
        else:
            made.append(number(entry.get(name)) if name.endswith(("_pca", "_n-gram")) else told(entry, name))
    return made


def beside(entry: Entry) -> str:
    """The size of the PCA that a candidate is compared with: as many components as its code has, or as many bits."""
    name, unit = ("pca_bits", "bit") if "pca_bits" in entry.means else ("pca_code", "component")
    count = entry.whole(name)
    return f"{count:,} {unit}{'s' * (count != 1)}"


def _code(entries: Sequence[Entry]) -> dict[str, str]:
    """The columns of the code's size, if the candidates aren't named by it; bits, if a code is quantised."""
    called = all(entry.candidate == f"code {entry.means.get('code', math.nan):.0f}" for entry in entries if entry.count)
    quantised = any("bits" in entry.means for entry in entries)
    return ({} if called else {"code": "code"}) | ({"bits": "bits"} if quantised else {})


def told(entry: Entry, name: str) -> str:
    """A mean and its standard deviation: `0.0123 ± 0.0004`; a dash if it is missing."""
    if name not in entry.means:
        return "–"
    spread = entry.spreads[name]
    return number(entry.means[name]) + (f" ± {number(spread, digits=2)}" if spread is not None else "")
