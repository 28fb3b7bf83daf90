"""The report of each study: its curves, and what the models make of the same samples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from isthmus.drawing import figures, studies
from isthmus.drawing.plates import Plate, Section, plate
from isthmus.experiments.classify import WAYS
from isthmus.experiments.comparison import Comparison
from isthmus.experiments.page import write_entries, write_page
from isthmus.experiments.pretraining import Pretraining
from isthmus.experiments.pretraining import told as share
from isthmus.experiments.study import Study
from isthmus.experiments.suggestion import Sweep
from isthmus.experiments.table import SPREAD, Entry
from isthmus.experiments.trial import Fit
from isthmus.experiments.words import told
from isthmus.formatting import number, percent
from isthmus.measures import unit_of
from isthmus.measures.passes import passes
from isthmus.parts.model import eval_mode
from isthmus.run import load

SHOWN = 10
"""How many samples are shown as every model gives them back."""


def write_sweep(study: Study, found: Sweep) -> Path:
    """Write the page of a sweep into its folder."""
    measure = f"{found.part}_mse"
    entries = [entry for entry in found.entries if measure in entry.means]
    sections = [_sweep_curves(found, entries, measure)] if found.points else []
    size = "" if found.suggested is None else f"{found.suggested} number{'s' * (found.suggested != 1)}"
    return write_entries(
        study.folder,
        study.data.description,
        title="sweep",
        verdict=f"Take {size}." if size else "No size can be suggested.",
        explanation=found.reason,
        sections=[*sections, *_looks(study, {entry.candidate.removeprefix("code "): entry for entry in entries})],
        entries=entries,
        chosen=f"code {found.suggested}",
        failures=found.failures,
        settings=_settings(study),
        decided_by=found.part,
    )


def write_comparison(study: Study, found: Comparison) -> Path:
    """Write the page of a comparison into its folder."""
    entries = [entry for entry in found.entries if f"{found.part}_mse" in entry.means]
    sections = [_rivals(found, entries)] if entries else []
    return write_entries(
        study.folder,
        study.data.description,
        title="compare",
        verdict=found.verdict,
        explanation=found.explanation,
        sections=[*sections, *_looks(study, {entry.candidate: entry for entry in entries})],
        entries=entries,
        chosen=entries[0].candidate if entries else "",
        failures=found.failures,
        settings=_settings(study),
    )


def write_pretraining(study: Study, found: Pretraining) -> Path:
    """Write the page of a pretraining into its folder."""
    lines = accuracy_lines(found)
    plates = [
        plate(
            "Accuracy by labels",
            lambda theme: studies.curves(
                lines,
                across="samples with a label",
                up=f"right, share of the {found.part} part",
                log=False,
                theme=theme,
            ),
            "; ".join(
                f"{way}: {', '.join(share(found.accuracy(way, count)) for count in found.labels)}" for way in lines
            ),
            "The band is ± the standard deviation over the seeds, each with other samples that have labels.",
        )
    ]
    asked = study.trials[0].to_json()
    return write_page(
        study.folder,
        study.data.description,
        title="pretrain",
        verdict=found.verdict,
        explanation="From scratch is the same network with fresh weights and the same settings; the classifiers of "
        "codes and of the data themselves are scikit-learn's.",
        sections=[Section("How many labels", plates)] if lines else [],
        caption=f"Share of the {found.part} part that is right: mean, ± the {SPREAD}.",
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


def accuracy_lines(found: Pretraining) -> dict[str, studies.Curve]:
    """Each way's accuracy by number of labels, with its spread."""
    lines: dict[str, studies.Curve] = {}
    for way in WAYS:
        pairs = {count: found.accuracy(way, count) for count in found.labels}
        known = {count: pair for count, pair in pairs.items() if pair is not None}
        if known:
            lines[way] = (list(known), [mean for mean, _ in known.values()], [sd or 0.0 for _, sd in known.values()])
    return lines


def _settings(study: Study) -> Mapping[str, Any]:
    """The settings of the first training, which all of a sweep or a comparison share."""
    first = study.trials[0]
    return first.settings if isinstance(first, Fit) else {}


def _sweep_curves(found: Sweep, entries: Sequence[Entry], measure: str) -> Section:
    def curve(name: str) -> studies.Curve:
        known = [entry for entry in entries if name in entry.means]
        return (
            [entry.means["code"] for entry in known],
            [entry.means[name] for entry in known],
            [0.0 if name.endswith("_pca") else entry.spreads[name] or 0.0 for entry in known],
        )

    errors = {"model": curve(measure), "PCA": curve(f"{measure}_pca")}
    steps = [point for point in found.points if point.gain is not None and point.gain > 0]
    plates = [
        plate(
            "Error by code size",
            lambda theme: studies.curves(
                errors,
                across="latent dimensions",
                up=f"mean squared error, {found.part} part",
                marked=found.suggested,
                theme=theme,
            ),
            f"Mean squared error of the {found.part} part by code size: "
            + "; ".join(f"{x:g}: {number(y)}" for x, y, _ in zip(*errors["model"], strict=True)),
            f"The model beside PCA with as many {_counted(entries)}; the line marks what is suggested, a band ± the "
            "standard deviation over the seeds.",
        )
    ]
    if steps:
        gains = ([point.code for point in steps], [point.gain or 0.0 for point in steps], [0.0] * len(steps))
        plates.append(
            plate(
                "What one more number brings",
                lambda theme: studies.curves(
                    {"model": gains},
                    across="latent dimensions",
                    up="share of the variance a number",
                    level=(found.price, "price of a number"),
                    marked=found.suggested,
                    theme=theme,
                ),
                "Share of the variance that each further number brings, by code size: "
                + "; ".join(f"{point.code}: {percent(point.gain or 0)}" for point in steps),
                "What each number beyond the next smaller code adds; below the dotted line it doesn't pay.",
            )
        )
    return Section("How many numbers", plates)


def _rivals(found: Comparison, entries: Sequence[Entry]) -> Section:
    """A plate of what ranks the models, one of the error, and one each of the ELBO and of draws where there are any."""
    part = found.part
    plates = []
    for name in dict.fromkeys((found.ranked_by, f"{part}_mse", f"{part}_elbo", f"{part}_frechet")):
        unit = unit_of(name.removeprefix(f"{part}_"))
        known = [entry for entry in entries if name in entry.means]
        if not known:
            continue
        means = {entry.candidate: entry.means[name] for entry in known}
        spreads = {entry.candidate: entry.spreads[name] for entry in known}
        beside = {entry.candidate: entry.get(f"{name}_pca") for entry in known}
        label = f"{unit.title} ({unit.unit})"
        plates.append(
            plate(
                "Error of each" if name == f"{part}_mse" else f"{unit.title} of each",
                lambda theme, means=means, spreads=spreads, beside=beside, label=label: studies.rivals(
                    means, spreads, beside, across=label, theme=theme
                ),
                "; ".join(f"{entry.candidate}: {told(entry, name)}" for entry in known),
                f"Of the {part} part; {'more' if unit.more_is_better else 'less'} is better. "
                + (
                    f"The bar beside each is PCA with as many {_counted(entries)} as its code."
                    if any(value is not None for value in beside.values())
                    else ""
                ),
            )
        )
    return Section("Side by side", plates)


def _counted(entries: Sequence[Entry]) -> str:
    """By what PCA is made as large as the codes."""
    quantised = ["bits" in entry.means for entry in entries]
    return "bits" if all(quantised) else "numbers (bits, where it is quantised)" if any(quantised) else "numbers"


def _looks(study: Study, entries: Mapping[str, Entry]) -> list[Section]:
    """The same samples as the first run of each candidate gives them back; of pictures alone."""
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
        f"{len(some)} samples, and below each what each model makes of it: {', '.join(entries)}.",
        "The same samples, above; below them what the first run of each makes of them.",
    )
    return [Section("What comes back", [drawn])]
