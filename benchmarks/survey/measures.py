"""The measures of the survey: what each one means, which values are better, and which rows it compares."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Row = Mapping[str, Any]
DIGITS = 4


@dataclass(frozen=True)
class Measure:
    """A column of the survey.

    title: its head. means: in a sentence or two. better: which values are; "" if neither. published: whether it is part
    of the packaged table.
    """

    title: str
    means: str
    better: Literal["smaller", "larger", ""]
    published: bool = True


MEASURES: dict[str, Measure] = {
    "relative_error": Measure(
        "error ÷ PCA's",
        "Reconstruction error divided by that of PCA with as many code numbers: below 1 is better than PCA. For "
        "quantised codes, PCA has as many bits; for sparse ones, as many components as code numbers aren't zero in a "
        "sample. For text and notes, it is the cross-entropy divided by that of an n-gram model without a code.",
        "smaller",
    ),
    "error": Measure(
        "error",
        "Mean squared error per number on the test part, after scaling; a wrong category counts as 1. For text and "
        "notes it is the cross-entropy, in nats a token. For restorers the input is damaged. Compare only codes of "
        "one size.",
        "smaller",
    ),
    "nll": Measure(
        "NLL",
        "Negative log-likelihood of a test sample in nats, estimated by importance weighting. Compare only models with "
        "the same likelihood.",
        "smaller",
    ),
    "kl": Measure(
        "KL",
        "Divergence of the code's distribution from the prior, in nats a sample: how much information the code has. "
        "Near 0 the code is unused (collapsed).",
        "",
    ),
    "active": Measure(
        "active",
        "Latent dimensions in use: those whose value varies over the test samples, with a variance above 0.01 (codes "
        "with a distribution) or above a thousandth of the largest variance (others).",
        "",
    ),
    "frechet": Measure(
        "Fréchet",
        "Fréchet distance of draws from the prior to test samples, in the features of a classifier of the labels. If "
        "there are no labels or no pictures, in principal components. Compare only within a data set.",
        "smaller",
    ),
    "precision": Measure(
        "precision",
        "Share of the draws that lie among the test samples, in the same features: realistic draws.",
        "larger",
    ),
    "recall": Measure(
        "recall",
        "Share of the test samples that lie among the draws, in the same features: varied draws.",
        "larger",
    ),
    "probe": Measure(
        "probe",
        "Accuracy of a logistic regression that learns the labels from codes of training samples, on the test part.",
        "larger",
    ),
    "auroc": Measure(
        "AUROC",
        "Area under the ROC curve of the default score of isthmus detect: 1 finds all anomalies, 0.5 is chance. For "
        "tables, most of this score comes from neighbouring training rows, not from the model.",
        "larger",
    ),
    "auroc_error": Measure(
        "AUROC by error",
        "The same by the reconstruction error alone, so by the model alone.",
        "larger",
        published=False,
    ),
    "undone": Measure(
        "undone",
        "For restorers: the share of the damage, in squared error, that the model removes.",
        "larger",
        published=False,
    ),
    "links": Measure(
        "links",
        "For graphs: area under the ROC curve of held-out edges against pairs without an edge.",
        "larger",
        published=False,
    ),
    "seconds": Measure("seconds", "Seconds of training, in the time of one processor core.", "smaller"),
    "megabytes": Measure("MB", "Size of the file of the model's weights, in megabytes.", "smaller"),
}


def rounded(value: Any) -> Any:
    """A number to four digits; None if it isn't finite."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def best_rows(rows: Sequence[Row]) -> dict[str, set[str]]:
    """For each data set, `{"digits": {"error deep", …}}`: which recipe has the best value of which measure.

    The error compares only models with the most frequent size of code that see whole samples; the negative
    log-likelihood only models with the most frequent likelihood.
    """
    found: dict[str, set[str]] = {}
    for data in dict.fromkeys(row["data"] for row in rows):
        among = [row for row in rows if row["data"] == data and row["failed"] is None]
        for name, measure in MEASURES.items():
            known = [row for row in _comparable(among, name) if row["measures"].get(name) is not None]
            if not measure.better or len(known) < 2:
                continue
            choose: Callable[[Iterable[float]], float] = min if measure.better == "smaller" else max
            values = {row["recipe"]: row["measures"][name] for row in known}
            best = choose(values.values())
            found.setdefault(data, set()).update(f"{name} {of}" for of, value in values.items() if value == best)
    return found


def _comparable(rows: Sequence[Row], name: str) -> Sequence[Row]:
    """The rows that a measure compares."""
    if name == "error":
        rows = [row for row in rows if row["measures"].get("undone") is None]
        return _of_most(rows, "code")
    return _of_most([row for row in rows if row["likelihood"]], "likelihood") if name == "nll" else rows


def _of_most(rows: Sequence[Row], key: str) -> Sequence[Row]:
    """The rows with the most frequent value of a field."""
    counts: dict[Any, int] = {}
    for row in rows:
        counts[row[key]] = counts.get(row[key], 0) + 1
    most = max(counts, key=counts.__getitem__, default=None)
    return [row for row in rows if row[key] == most]


def published(table: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the table that the package carries, `isthmus/guidance/measured.json`."""
    names = [name for name, measure in MEASURES.items() if measure.published]
    return {
        "made_by": table["made_by"],
        "machine": table["machine"],
        "measures": {name: {"means": MEASURES[name].means, "better": MEASURES[name].better} for name in names},
        "data": {
            name: {key: facts[key] for key in ("kind", "shape", "samples", "epochs", "what")}
            for name, facts in table["data"].items()
        },
        "rows": [
            {
                "recipe": row["recipe"],
                "data": row["data"],
                "code": row["code"],
                "measures": {name: row["measures"].get(name) for name in names},
                "failed": row["failed"],
            }
            for row in table["rows"]
        ],
    }


def packaged(table: Mapping[str, Any]) -> str:
    """`published` as JSON with one line for each row, so that the file is small and changes are readable."""
    whole = published(table)
    rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in whole.pop("rows"))
    head = json.dumps(whole, indent=2, ensure_ascii=False).removesuffix("\n}")
    return f'{head},\n  "rows": [\n{rows}\n  ]\n}}\n'


LEADING = ("relative_error", "nll", "frechet", "recall", "probe", "auroc_error")


def leaders(table: Mapping[str, Any]) -> str:
    """The best recipe of each data set by the most telling measures, as Markdown."""
    best, rows = best_rows(table["rows"]), table["rows"]
    lines = [f"| data | {' | '.join(MEASURES[name].title for name in LEADING)} |", f"|---|{'---|' * len(LEADING)}"]
    for data in table["data"]:
        cells = []
        for name in LEADING:
            leading = [row for row in rows if row["data"] == data and f"{name} {row['recipe']}" in best.get(data, ())]
            value = shown(leading[0]["measures"][name]) if leading else ""
            cells.append(f"{names_of(leading[:2])} {value}".strip())
        lines.append(f"| {data} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def names_of(rows: Sequence[Row]) -> str:
    """The recipes of rows, as code."""
    return ", ".join(f"`{row['recipe']}`" for row in rows)


def markdown(table: Mapping[str, Any]) -> str:
    """The leaders, and a table for each data set with the columns that it has; the best values in bold."""
    best = best_rows(table["rows"])
    pieces = [f"{leaders(table)}\n"]
    for data, facts in table["data"].items():
        rows = [row for row in table["rows"] if row["data"] == data]
        well = [row for row in rows if row["failed"] is None]
        names = [name for name in MEASURES if any(row["measures"].get(name) is not None for row in well)]
        pieces.append(
            f"## {data}\n\n{facts['what']}: {facts['samples']:,} training samples, {facts['epochs']} epochs\n\n"
            f"| recipe | code | {' | '.join(MEASURES[name].title for name in names)} |\n"
            f"|---|--:|{'--:|' * len(names)}\n"
        )
        for row in well:
            cells = []
            for name in names:
                text = shown(row["measures"].get(name))
                cells.append(f"**{text}**" if f"{name} {row['recipe']}" in best.get(data, ()) else text)
            pieces.append(f"| {row['recipe']} | {row['code']:,} | {' | '.join(cells)} |\n")
        pieces += [f"\n`{row['recipe']}` failed: {row['failed']}\n" for row in rows if row["failed"] is not None]
        pieces.append("\n")
    return "".join(pieces)


def shown(value: float | None) -> str:
    """A number to three digits; a dash if it is missing."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
