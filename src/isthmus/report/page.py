"""The report: one self-contained HTML page with all figures."""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from isthmus import formatting
from isthmus.data.data import Data
from isthmus.data.media import Sound, Waveform
from isthmus.data.samples import Samples
from isthmus.doctor.section import section as doctor_section
from isthmus.drawing import figures
from isthmus.drawing.look import Look
from isthmus.drawing.pages import fill_page, write_page
from isthmus.drawing.plates import Section, plate
from isthmus.errors import UseError
from isthmus.measures import Evaluation, unit_of, words
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.listing import layers, parameter_count
from isthmus.parts.model import eval_mode
from isthmus.report import facts
from isthmus.report.looks import Looks
from isthmus.report.sections import SECTIONS
from isthmus.report.sounds import heard
from isthmus.shown import Page
from isthmus.trained import TrainedModel
from isthmus.trained.choices import choices
from isthmus.uses.usual import Usual

WIDE = 9.6
"""Inches of the reconstructions, the largest pictures of the page."""


def write_report(run: TrainedModel, path: str | Path) -> Page:
    """Write the report of `run` to `path`, whole or not at all, and return the path.

    The page needs no network, no script and no other file.

    Raises:
        DataError: the run's data can't be opened again.
        IsthmusError: `path` can't be written to.
    """
    return write_page(path, render(run))


def render(run: TrainedModel) -> str:
    """The report of `run` as HTML."""
    model, data, pca, found = run.model, run.open(), run.baseline(), run.evaluation()
    part = found.chief_part
    samples = data.parts[part]
    code_size = math.prod(model.code_shape)
    settings = facts.as_mapping(run.settings)
    with eval_mode(model):
        looks = Looks(model, pca, samples, found.errors[part])
        looking = None if model.restores else _looking(looks, found, model)  # a restoring model copies whole samples
        sounds = heard(looks)
        training = _training(run, looks, found)
        worst = looks.worst_rows(_usual(run), Look.of(run)) if samples.kind == "table" else []
        uses = [section for make in SECTIONS if (section := _section(make, run)) is not None]
    rivals = ["model", found.rival, "unigram" if found.of_tokens else "mean"]
    source = data.description.get("source") or "data in memory"
    command = str(run.environment.get("command") or "")
    return fill_page(
        "report.html",
        source=Path(source).name,
        verdict=words.verdict(found, code_size, pca.size, model.code.bits(model.code_shape)),
        explanation=words.explanation(found),
        cards=_cards(model, data, run, code_size),
        parts=_measure_rows(found, data),
        rivals=rivals,
        rival_names=[figures.WORDS[name] for name in rivals],
        sounds=sounds,
        sounds_title="Recordings" if isinstance(samples.medium, Sound) else "Music",
        texts=_texts(looks) if found.of_tokens else [],
        restores=model.restores,
        code_size=code_size,
        pca_has=words.pca_has(pca),
        doctor=doctor_section(run),
        looking=looking,
        training=training,
        uses=uses,
        worst=worst,
        part=part,
        layers=[
            layer._replace(shape=_shape(layer.shape), parameters=f"{layer.parameters:,}") for layer in layers(model)
        ],
        parameters=f"{parameter_count(model):,}",
        choices=choices(run),
        blueprint=facts.blueprint_text(model),
        data_facts=facts.data_facts(data.description),
        settings=facts.flat(settings),
        environment=facts.flat({k: v for k, v in run.environment.items() if k not in ("command", "chosen")}),
        command=command if command.startswith("isthmus") else "",
        python=facts.repeat_in_python(model, data.description, settings),
    )


def _section(make: Callable[[TrainedModel], Section | None], run: TrainedModel) -> Section | None:
    """A use's section; None if the model can't be used that way (skips, for example, prevent decoding a code)."""
    try:
        return make(run)
    except UseError:
        return None


def _usual(run: TrainedModel) -> Usual:
    return Usual.of(run.open().train, run.model.scaling.levels, holes=run.model.conditioning.mask)


def _training(run: TrainedModel, looks: Looks, found: Evaluation) -> Section:
    """The section on training: the loss, and the distribution of errors."""
    part, samples, rival = found.chief_part, looks.samples, found.rival
    errors = {name: found.errors[part][name] for name in ("model", rival)}
    axis = {"what": "share of wrong tokens of a sample"} if found.of_tokens else {}
    plates = [
        plate(
            "Errors",
            lambda theme: figures.error_histogram(errors, theme=theme, **axis),
            f"Histogram of the {len(samples)} {part} samples' {_error_name(found)}. {_error_words(errors)}",
            f"Errors of the {part} samples: the model compared with {figures.WORDS[rival]}. Dotted: the means.",
        ),
    ]
    if len(run.history) > 1:
        curves = plate(
            "Loss",
            lambda theme: figures.loss_curves(run.history, best_epoch=run.best_epoch, theme=theme),
            _loss_words(run),
            "The loss that training minimised, by epoch.",
        )
        plates.insert(0, curves)
    return Section("Training and errors", plates)


def _looking(looks: Looks, found: Evaluation, model: Autoencoder) -> Section | None:
    """The reconstructions, in the form that suits the data: pictures, lines, or bars by column."""
    part, samples = found.chief_part, looks.samples
    if samples.kind == "table":
        return _by_column(found, samples)
    if samples.kind == "tokens" or isinstance(samples.medium, Waveform):
        return None
    chosen = {"Typical": looks.typical()}
    if len(samples) > len(chosen["Typical"]):
        chosen |= {"Best": looks.best(), "Worst": looks.worst()}
    plates = []
    for title, indices in chosen.items():
        number = f"{len(indices)} sample{'s' * (len(indices) != 1)}"
        ends = {"Best": "the smallest errors first", "Worst": "the largest errors first"}
        plates.append(plate(
            title,
            _drawn(looks, indices, model),
            f"{title}: {number} of the {part} part, each as the original, the model's and PCA's reconstruction. "
            f"Mean squared errors of the model: {', '.join(looks.captions(indices))}.",
            f"{number.capitalize()} of the {part} part{f', {ends[title]}' if title in ends else ''}. "
            "The number above each sample is the model's mean squared error.",
        ))  # fmt: skip
    return Section("Reconstructions", plates, large=True)


def _by_column(found: Evaluation, samples: Samples) -> Section | None:
    """The explained variance of each column of a table; None if no column varies."""
    columns = found.columns[found.chief_part]
    varying = int(columns["model"].isfinite().sum())
    if not varying:
        return None
    many = varying > figures.MOST_COLUMNS
    which = f"the {figures.MOST_COLUMNS} worst of {varying}" if many else "the worst first"
    bars = plate(
        "Explained variance",
        lambda theme: figures.column_bars(columns, samples.columns, theme=theme),
        f"Explained variance of each column on the {found.chief_part} part, {which}; bars are the model, marks PCA.",
        f"By column, {which}: bars are the model, marks are PCA.",
    )
    return Section("Reconstruction by column", [bars])


def _drawn(looks: Looks, indices: Tensor, model: Autoencoder) -> Callable[[Any], Figure]:
    """A grid of pictures, or lines, of the chosen samples."""
    rows = looks.rows(indices)
    medium = looks.samples.medium
    if medium is not None and medium.pictured:
        raw = {figures.WORDS[name]: model.scaling.inverse(batch).cpu() for name, batch in rows.items()}
        shown = looks.captions(indices)
        look = Look(looks.samples.kind, model.scaling, medium=medium)
        pictures, bounds = look.pictures(raw)
        return lambda theme: figures.picture_grid(pictures, captions=shown, bounds=bounds, inches=WIDE, theme=theme)
    if looks.samples.kind == "series":
        raw = {name: model.scaling.inverse(batch).cpu() for name, batch in rows.items()}
        captions = looks.captions(indices, long=True)
        return lambda theme: figures.series_lines(raw, captions=captions, inches=WIDE, theme=theme)
    original = rows["original"]
    bounds = model.scaling.range or (float(original.min()), float(original.max()))
    named = {figures.WORDS[name]: batch for name, batch in rows.items()}
    captions = looks.captions(indices)
    return lambda theme: figures.picture_grid(named, captions=captions, bounds=bounds, inches=WIDE, theme=theme)


def _texts(looks: Looks) -> list[dict[str, Any]]:
    """For tokens: typical and worst samples and what the model writes from their codes, with the changes marked."""
    medium = looks.samples.medium
    assert medium is not None
    shown = []
    for title, chosen in (("Typical", looks.typical()), ("Worst", looks.worst())):
        given = medium.symbols_of(looks.samples.batch(chosen))
        made = medium.symbols_of(looks.written(chosen))
        captions = looks.captions(chosen)
        for original, copy, caption in zip(given, made, captions, strict=True):
            shown.append({"title": title, "pieces": _differences(original, copy), "error": caption})
    return shown


def _differences(given: Sequence[str], made: Sequence[str]) -> list[tuple[str, str]]:
    """The texts in pieces: ("same", …), ("gone", …) from the first, ("new", …) from the second."""
    pieces: list[tuple[str, str]] = []
    for change, a, b, c, d in difflib.SequenceMatcher(None, given, made, autojunk=False).get_opcodes():
        if change == "equal":
            pieces.append(("same", "".join(given[a:b])))
            continue
        pieces += [(kind, text) for kind, text in (("gone", "".join(given[a:b])), ("new", "".join(made[c:d]))) if text]
    return pieces


def _error_name(found: Evaluation) -> str:
    return "shares of wrong tokens" if found.of_tokens else "mean squared errors"


def _measure_rows(found: Evaluation, data: Data) -> list[dict[str, Any]]:
    """The table of measures: for each part its rows, the better of the model and its rival marked."""
    parts = []
    for part, measures in found.measures.items():
        rows = []
        for name, row in measures.items():
            unit = unit_of(name)
            rival = found.rival
            model, other = row["model"], row.get(rival)
            better = ""
            if model is not None and other is not None and not math.isclose(model, other, rel_tol=1e-3):
                better = "model" if (model > other) == unit.more_is_better else rival
            share = name == "explained_variance"
            rows.append({
                "title": unit.title,
                "unit": "" if share else unit.unit,
                "more": unit.more_is_better,
                "better": better,
                "figures": {
                    rival: formatting.percent(value) if share and value is not None else formatting.number(value)
                    for rival, value in row.items()
                },
            })  # fmt: skip
        parts.append({"name": part, "count": f"{len(data.parts[part]):,}", "rows": rows})
    return parts


def _cards(model: Autoencoder, data: Data, run: TrainedModel, code_size: int) -> list[tuple[str, str]]:
    """The few facts at the top, as (value, description)."""
    width = math.prod(model.shape)
    numbers = f"{width / code_size:.1f}".removesuffix(".0")
    bits = (
        ""
        if model.code.bits(model.code_shape) is None
        else f", {formatting.number(model.code.bits(model.code_shape))} bits"
    )
    cards = [
        (_shape(model.shape), f"{data.kind}: {width:,} numbers per sample"),
        (
            _shape(model.code_shape),
            f"code: {code_size:,} latent dimension{'s' * (code_size != 1)}, {numbers} : 1{bits}",
        ),
        (f"{parameter_count(model):,}", "parameters"),
        (f"{len(data.train):,}", "training samples"),
    ]
    if len(run.history) > 1:
        cards.append((str(len(run.history)), "epochs"))
    return cards


def _loss_words(run: TrainedModel) -> str:
    first, last = run.history[0], run.history[-1]
    text = f"Training loss over {len(run.history)} epochs, from {formatting.number(first.get('loss'))} to "
    text += f"{formatting.number(last.get('loss'))}."
    if last.get("validation_loss") is not None:
        text += f" Validation loss ends at {formatting.number(last['validation_loss'])}."
    return text + (f" Best epoch: {run.best_epoch}." if run.best_epoch else "")


def _error_words(errors: Mapping[str, Tensor]) -> str:
    return " ".join(
        f"{figures.WORDS[name][:1].upper()}{figures.WORDS[name][1:]}: "
        f"median {formatting.number(float(values.median()))}, largest {formatting.number(float(values.max()))}."
        for name, values in errors.items()
    )


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "1"
