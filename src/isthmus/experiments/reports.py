"""The report of each study: its curves, and the models' reconstructions of the same samples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from isthmus.drawing import figures, searches, studies
from isthmus.drawing.plates import Plate, Section, plate
from isthmus.experiments.comparison import Comparison
from isthmus.experiments.page import entries_shown, write_page
from isthmus.experiments.pictures import curve, each_model
from isthmus.experiments.pretraining import Pretraining
from isthmus.experiments.pretraining import told as share
from isthmus.experiments.study import Study
from isthmus.experiments.suggestion import Sweep
from isthmus.experiments.table import SPREAD, Entry
from isthmus.experiments.trial import Fit
from isthmus.experiments.tuning import Tuning, options_of_row, plans, shown
from isthmus.experiments.words import told
from isthmus.formatting import number, percent
from isthmus.measures import unit_of
from isthmus.measures.passes import passes
from isthmus.parts.model import eval_mode
from isthmus.run import load

SHOWN = 10
"""The number of samples whose reconstructions by all models are shown."""
TRIALS_SHOWN = 20
"""The number of a search's trials that are listed."""


def write_sweep(study: Study, found: Sweep) -> Path:
    """Write the page of a sweep into its folder."""
    measure = f"{found.part}_mse"
    entries = [entry for entry in found.entries if measure in entry.means]
    sections = [_sweep_curves(found, entries, measure)] if found.points else []
    size = "" if found.suggested is None else f"{found.suggested} latent dimension{'s' * (found.suggested != 1)}"
    return write_page(
        study.folder,
        study.data.description,
        title="sweep",
        verdict=f"Use {size}." if size else "There are no results to suggest a size from.",
        explanation=found.reason,
        sections=[*sections, *_looks(study, {entry.candidate.removeprefix("code "): entry for entry in entries})],
        failures=found.failures,
        settings=_settings(study),
        **entries_shown(entries, f"code {found.suggested}", found.part),
    )


def write_comparison(study: Study, found: Comparison) -> Path:
    """Write the page of a comparison into its folder."""
    entries = [entry for entry in found.entries if f"{found.part}_mse" in entry.means]
    sections = [_rivals(found, entries)] if entries else []
    return write_page(
        study.folder,
        study.data.description,
        title="compare",
        verdict=found.verdict,
        explanation=found.explanation,
        sections=[*sections, *_looks(study, {entry.candidate: entry for entry in entries})],
        failures=found.failures,
        settings=_settings(study),
        **entries_shown(entries, entries[0].candidate if entries else ""),
    )


def write_pretraining(study: Study, found: Pretraining) -> Path:
    """Write the page of a pretraining into its folder."""
    lines = found.lines
    plates = [
        plate(
            "Accuracy by labels",
            found.draw,
            "; ".join(
                f"{way}: {', '.join(share(found.accuracy(way, count)) for count in found.labels)}" for way in lines
            ),
            "The band is ± the standard deviation over the seeds; each seed draws other labelled samples.",
        )
    ]
    asked = study.trials[0].to_json()
    return write_page(
        study.folder,
        study.data.description,
        title="pretrain",
        verdict=found.verdict,
        explanation="“From scratch” is the same network with fresh weights and the same settings. The classifiers of "
        "codes and of the data themselves come from scikit-learn.",
        sections=[Section("Accuracy by number of labels", plates)] if lines else [],
        caption=f"Accuracy on the {found.part} part: mean ± the {SPREAD}.",
        tables=[
            {
                "title": "",
                "head": ["", *(f"{count:,} labels" for count in found.labels)],
                "rows": [
                    {
                        "cells": [way, *(share(found.accuracy(way, count)) for count in found.labels)],
                        "chosen": way == "fine-tuned",
                    }
                    for way in lines
                ],
            }
        ],
        failures=found.failures,
        settings={"run": asked["run"], **asked["settings"]},
    )


def write_tuning(study: Study, found: Tuning) -> Path:
    """Write the page of a search into its folder."""
    sign = -1 if found.measure == "elbo" else 1
    values = [None if row.get("value") is None else sign * row["value"] for row in found.rows]
    finished = [(row, value) for row, value in zip(found.rows, values, strict=True) if value is not None]
    ordered = sorted(finished, key=lambda pair: sign * pair[1])[:TRIALS_SHOWN]
    names = list(found.best)
    tables = [
        {
            "title": "The best trials",
            "head": ["", unit_of(found.measure).title, *names, "epochs"],
            "rows": [
                {
                    "cells": [
                        row["candidate"],
                        number(value, digits=4),
                        *(shown(options_of_row(row).get(name, "")) for name in names),
                        f"{row['epochs']:,}",
                    ],
                    "chosen": row["candidate"] == found.candidate,
                }
                for row, value in ordered
            ],
        }
    ]
    if found.importances:
        tables.append({
            "title": "The options' importances",
            "head": ["", "share of the differences"],
            "rows": [{"cells": [name, percent(share)], "chosen": False} for name, share in found.importances.items()],
        })  # fmt: skip
    return write_page(
        study.folder,
        study.data.description,
        title="tune",
        verdict=found.verdict,
        explanation=found.explanation,
        sections=[_searched(study, found, values, finished)] if finished else [],
        caption=f"Values on the {found.part} part. The importances are estimated by fANOVA.",
        tables=tables if finished else [],
        failures=found.failures,
        settings=_settings(study),
    )


def _searched(
    study: Study, found: Tuning, values: Sequence[float | None], finished: Sequence[tuple[Mapping[str, Any], float]]
) -> Section:
    """The progress of a search, and the values by each option."""
    up = f"{unit_of(found.measure).title}, {found.part}"
    sign = -1 if found.measure == "elbo" else 1
    pruned = [place for place, row in enumerate(found.rows, start=1) if row.get("pruned")]
    plates = [
        plate(
            "Progress",
            lambda theme: searches.progress(
                [None if value is None else sign * value for value in values],
                pruned,
                up=up if sign > 0 else f"−{up}",
                theme=theme,
            ),
            f"Value of {len(finished)} trials by their number; the best is {found.candidate}, {number(found.value)}.",
            "Each trial's value, and the best so far; less is better. Marks at the bottom are pruned trials.",
        )
    ]
    by_name = {name: [options_of_row(dict(row)).get(name) for row, _ in finished] for name in found.best}
    logs = [dimension.name for trial in plans(study)[:1] for dimension in trial.space if dimension.log]
    if len(finished) > 1:
        plates.append(
            plate(
                "By option",
                lambda theme: searches.slices(by_name, [value for _, value in finished], logs, up=up, theme=theme),
                f"Values of the trials by each option: {', '.join(by_name)}.",
                "Each dot is a trial that was trained to the end.",
            )
        )
    return Section("The search", plates)


def _settings(study: Study) -> Mapping[str, Any]:
    """The settings that all trainings of a sweep or a comparison share."""
    first = study.trials[0]
    return first.settings if isinstance(first, Fit) else {}


def _sweep_curves(found: Sweep, entries: Sequence[Entry], measure: str) -> Section:
    sizes, errors, _ = curve(entries, measure)
    steps = [point for point in found.points if point.gain is not None and point.gain > 0]
    plates = [
        plate(
            "Error by code size",
            found.draw,
            f"Mean squared error of the {found.part} part by code size: "
            + "; ".join(f"{x:g}: {number(y)}" for x, y in zip(sizes, errors, strict=True)),
            f"The model compared with PCA with as many {_counted(entries)}. The vertical line marks the suggested "
            "size, the band ± the standard deviation over the seeds.",
        )
    ]
    if steps:
        gains = ([point.code for point in steps], [point.gain or 0.0 for point in steps], [0.0] * len(steps))
        plates.append(
            plate(
                "Gain per latent dimension",
                lambda theme: studies.curves(
                    {"model": gains},
                    across="latent dimensions",
                    up="explained variance per dimension",
                    level=(found.price, "price of a dimension"),
                    marked=found.suggested,
                    theme=theme,
                ),
                "Share of the variance that each further latent dimension explains, by code size: "
                + "; ".join(f"{point.code}: {percent(point.gain or 0)}" for point in steps),
                "Explained variance that each dimension adds to the next smaller code. Below the dotted line, a "
                "dimension does not pay.",
            )
        )
    return Section("Number of latent dimensions", plates)


def _rivals(found: Comparison, entries: Sequence[Entry]) -> Section:
    """A plate of the measure that ranks the models, of the error, and of the ELBO and the draws if there are any."""
    part = found.part
    plates = []
    for name in dict.fromkeys((found.ranked_by, f"{part}_mse", f"{part}_elbo", f"{part}_frechet")):
        unit = unit_of(name.removeprefix(f"{part}_"))
        known = [entry for entry in entries if name in entry.means]
        if not known:
            continue
        plates.append(
            plate(
                "Error of each" if name == f"{part}_mse" else f"{unit.title} of each",
                lambda theme, name=name: each_model(entries, name, part, theme),
                "; ".join(f"{entry.candidate}: {told(entry, name)}" for entry in known),
                f"On the {part} part; {'more' if unit.more_is_better else 'less'} is better. "
                + (
                    f"The vertical mark in each row is PCA with as many {_counted(entries)} as the model's code."
                    if any(f"{name}_pca" in entry.means for entry in known)
                    else ""
                ),
            )
        )
    return Section("Side by side", plates)


def _counted(entries: Sequence[Entry]) -> str:
    """The unit in which PCA is as large as the codes."""
    quantised = ["bits" in entry.means for entry in entries]
    return "bits" if all(quantised) else "dimensions (or bits, if quantised)" if any(quantised) else "dimensions"


def _looks(study: Study, entries: Mapping[str, Entry]) -> list[Section]:
    """The same samples as reconstructed by the first run of each candidate; only for pictures."""
    data = study.data
    samples = next((part for part in (data.test, data.validation, data.train) if len(part)), data.train)
    if samples.kind != "pictures" or not entries:
        return []
    some = samples.some(SHOWN)
    rows: dict[str, Tensor] = {"original": data.scaling(some.tensor()).float()}
    firsts = {
        trial.candidate: trial for trial in reversed(study.trials) if not (study.found(trial) or {"error": 1})["error"]
    }
    for title, entry in entries.items():
        run = load(study.place(firsts[entry.candidate]))
        with eval_mode(run.model):
            (out,) = passes(run.model, some, len(some), damage=False)
            rows[title] = out.reconstruction.float().cpu()
    bounds = data.scaling.range or (float(rows["original"].min()), float(rows["original"].max()))
    drawn: Plate = plate(
        "Reconstructions",
        lambda theme: figures.picture_grid(rows, bounds=bounds, theme=theme),
        f"{len(some)} samples, and below each its reconstruction by each model: {', '.join(entries)}.",
        "Top row: the samples. Below: the reconstructions by the first run of each model.",
    )
    return [Section("Reconstructions", [drawn])]
