"""The report: one HTML page that stands by itself, with every figure inside it."""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure
from torch import Tensor

from isthmus.autoencoder import Autoencoder
from isthmus.data.samples import Data, Samples
from isthmus.files import whole_file
from isthmus.measures import Evaluation, judging, unit_of
from isthmus.pca import PCA
from isthmus.report import facts, figures, words
from isthmus.report.theme import DARK, LIGHT, png

SHOWN = 10
"""How many samples a grid shows at most."""

WORST_ROWS = 8
WORST_COLUMNS = 4
MAPPED = 2000
"""How many samples are encoded for the map of the code."""


class Reportable(Protocol):
    """What the report reads of a run; `isthmus.run.Run` has it all."""

    @property
    def model(self) -> Autoencoder:
        """The trained model."""
        ...

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """A row an epoch: epoch, loss, validation_loss; may be empty."""
        ...

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights the model has; 0 where nobody knows."""
        ...

    @property
    def settings(self) -> Any:
        """How it was trained: a mapping, or a value with `to_json()`."""
        ...

    @property
    def environment(self) -> Mapping[str, Any]:
        """What it was trained with; the command line as "command"."""
        ...

    def open(self) -> Data:
        """The data it was trained on."""
        ...

    def baseline(self) -> PCA:
        """The PCA to compare with."""
        ...

    def evaluation(self) -> Evaluation:
        """The model, PCA and the mean, measured on each part."""
        ...


@dataclass(frozen=True)
class Plate:
    """A figure as the page holds it: PNG for light and dark, in words for those who can't see it, and a caption."""

    light: str
    dark: str
    alt: str
    caption: str
    width: int


def write_report(run: Reportable, path: str | Path) -> Path:
    """Write the report of `run` to `path`, whole or not at all, and give back where it is.

    The page holds everything that it shows: it needs no network, no script and no other file.

    Raises:
        DataError: the run's data can't be opened again.
        IsthmusError: `path` can't be written to.
    """
    path = Path(path)
    page = render(run)
    with whole_file(path) as beside:
        beside.write_text(page, encoding="utf-8")
    return path


def render(run: Reportable) -> str:
    """The report of `run` as HTML."""
    model, data, pca, found = run.model, run.open(), run.baseline(), run.evaluation()
    part = found.chief_part
    samples = data.parts[part]
    code_size = math.prod(model.code_shape)
    settings = facts.as_mapping(run.settings)
    with judging(model):
        looks = _Looks(model, pca, samples, found.errors[part])
        sections = _sections(run, looks, found)
        layers = facts.layers(model, samples.batch(torch.zeros(1, dtype=torch.long)).to(looks.device))
    page = Environment(
        loader=PackageLoader("isthmus.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("report.html")
    source = data.description.get("source") or "data in memory"
    command = str(run.environment.get("command") or "")
    return page.render(
        source=Path(source).name,
        verdict=words.verdict(found, code_size, pca.size),
        explanation=words.explanation(found),
        cards=_cards(model, data, run, code_size),
        parts=_measure_rows(found, data),
        code_size=code_size,
        pca_size=pca.size,
        sections=sections,
        worst=looks.worst_rows(data.scaling.inverse) if samples.kind == "table" else [],
        part=part,
        layers=[
            layer._replace(shape=_shape(layer.shape), parameters=words.count(layer.parameters)) for layer in layers
        ],
        parameters=words.count(facts.parameter_count(model)),
        blueprint=facts.blueprint_text(model),
        data_facts=facts.flat(
            {k: v for k, v in data.description.items() if k not in ("columns", "label_names", "fill")}
        ),
        settings=facts.flat(settings),
        environment=facts.flat({k: v for k, v in run.environment.items() if k != "command"}),
        command=command if command.startswith("isthmus") else "",
        python=facts.repeat_in_python(model, data.description, settings),
    )


class _Looks:
    """What the figures show of one part: chosen samples, and what the model and PCA make of them."""

    def __init__(self, model: Autoencoder, pca: PCA, samples: Samples, errors: Mapping[str, Tensor]) -> None:
        self.model, self.pca, self.samples, self.errors = model, pca, samples, errors
        self.device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
        # A stable order, errors that are not finite last: the same run gives the same page.
        self.order = errors["model"].double().nan_to_num(math.inf, math.inf).sort(stable=True).indices

    def rows(self, chosen: Tensor) -> dict[str, Tensor]:
        """The original, the model's and PCA's reconstruction of the chosen samples, each (n, *shape), scaled."""
        seen = self.model(self.samples.batch(chosen).to(self.device))
        clean = seen.clean.float().cpu()
        return {"original": clean, "model": seen.reconstruction.float().cpu(), "pca": self.pca.reconstruct(clean)}

    def typical(self) -> Tensor:
        """Samples that stand for the rest: the first of each label where labels are few, else spread evenly."""
        labels = self.samples.labels
        if labels is not None and 1 < len(labels.unique()) <= SHOWN:
            firsts = [int((labels == label).nonzero()[0]) for label in labels.unique()]
            return torch.tensor(firsts)
        return _spread(len(self.samples), SHOWN)

    def best(self) -> Tensor:
        """The samples with the smallest errors, smallest first."""
        return self.order[:SHOWN]

    def worst(self) -> Tensor:
        """The samples with the largest errors, largest first."""
        return self.order.flip(0)[:SHOWN]

    def captions(self, chosen: Tensor, *, long: bool = False) -> list[str]:
        """A text for each chosen sample: its error; the long one tells its label or name too."""
        errors = [words.number(float(self.errors["model"][i])) for i in chosen]
        if not long:
            return errors
        return [f"{self.called(int(i))}: {error}" for i, error in zip(chosen, errors, strict=True)]

    def called(self, index: int) -> str:
        """A sample's name, or its number counted from 1 and its label."""
        samples = self.samples
        if samples.names:
            return samples.names[index]
        if samples.labels is None:
            return f"sample {index + 1}"
        label = int(samples.labels[index])
        name = samples.label_names[label] if 0 <= label < len(samples.label_names) else str(label)
        return f"sample {index + 1} ({name})"

    def codes(self) -> tuple[Tensor, Tensor | None]:
        """(n, *code) codes of samples spread over the part, and their labels."""
        chosen = _spread(len(self.samples), MAPPED)
        batches = chosen.split(256)
        codes = [self.model.encode(self.samples.batch(batch).to(self.device)).float().cpu() for batch in batches]
        labels = self.samples.labels
        return torch.cat(codes), None if labels is None else labels[chosen]

    def worst_rows(self, inverse: Callable[[Tensor], Tensor]) -> list[dict[str, Any]]:
        """For tables: the worst samples, each with the columns that are furthest off, in raw units."""
        chosen = self.worst()[:WORST_ROWS]
        scaled = self.rows(chosen)
        device = self.device
        given, back = (inverse(scaled[name].to(device)).cpu().flatten(1) for name in ("original", "model"))
        off = (scaled["model"] - scaled["original"]).flatten(1)
        names = self.samples.columns or [f"column {i + 1}" for i in range(off.shape[1])]
        rows = []
        for n, index in enumerate(chosen.tolist()):
            columns = off[n].abs().sort(descending=True, stable=True).indices[:WORST_COLUMNS].tolist()
            share = off[n].square() / off[n].square().sum().clamp(min=1e-30)
            rows.append({
                "name": self.called(index),
                "error": words.number(float(self.errors["model"][index])),
                "columns": [
                    {
                        "name": names[i],
                        "given": words.number(float(given[n, i])),
                        "back": words.number(float(back[n, i])),
                        "share": words.percent(float(share[i])),
                    }
                    for i in columns
                ],
            })  # fmt: skip
        return rows


def _sections(run: Reportable, looks: _Looks, found: Evaluation) -> list[dict[str, Any]]:
    """The page's figures, grouped under headings."""
    part, samples = found.chief_part, looks.samples
    training: list[Plate] = []
    if len(run.history) > 1:
        training.append(_plate(
            lambda theme: figures.loss_curves(run.history, best_epoch=run.best_epoch, theme=theme),
            _loss_words(run),
            "The loss that was minimised, by epoch.",
        ))  # fmt: skip
    errors = found.errors[part]
    training.append(_plate(
        lambda theme: figures.error_histogram(errors, theme=theme),
        f"Histogram of the {len(samples)} {part} samples' mean squared errors. {_error_words(errors)}",
        f"How many {part} samples have which error, the model beside PCA. Dotted: the means.",
    ))  # fmt: skip
    codes, labels = looks.codes()
    _, axes = figures.code_plane(codes)
    mapped = "coloured by label, its name at the median" if labels is not None else "without labels"
    training.append(_plate(
        lambda theme: figures.code_map(codes, labels, samples.label_names, theme=theme),
        f"Map of the codes of {len(codes)} {part} samples, {mapped}. Axes: {'; '.join(axes)}.",
        f"Where {len(codes)} {part} samples lie in the code: {' and '.join(axes)}.",
    ))  # fmt: skip
    return [*_looking(looks, found, run.model), {"title": "Training, errors and the code", "plates": training}]


def _looking(looks: _Looks, found: Evaluation, model: Autoencoder) -> list[dict[str, Any]]:
    """What came back, in the way that suits the data: pictures, lines, or bars by column."""
    part, samples = found.chief_part, looks.samples
    if samples.kind == "table":
        columns = found.columns[part]
        shown = int(columns["model"].isfinite().sum())
        if not shown:
            return []
        which = f"the {figures.MOST_COLUMNS} worst of {shown}" if shown > figures.MOST_COLUMNS else "worst first"
        plate = _plate(
            lambda theme: figures.column_bars(columns, samples.columns, theme=theme),
            f"Explained variance of each column on the {part} part, {which}; bars are the model, marks are PCA.",
            f"Explained variance by column, {which}.",
        )
        return [{"title": "What comes back, by column", "plates": [plate]}]
    chosen = {"Reconstructions": looks.typical(), "Best": looks.best(), "Worst": looks.worst()}
    if len(samples) == 1:
        chosen = {"Reconstruction": chosen["Reconstructions"]}
    plates = []
    for title, indices in chosen.items():
        rows = looks.rows(indices)
        number = f"{len(indices)} sample{'s' * (len(indices) != 1)}"
        what = {"Best": f"the {len(indices)} smallest errors", "Worst": f"the {len(indices)} largest errors"}
        plates.append(_plate(
            _drawn(rows, looks, indices, model),
            f"{title}: {number} of the {part} part, each as the original, the model's and PCA's reconstruction. "
            f"Mean squared errors of the model: {', '.join(looks.captions(indices))}.",
            f"{title}: {what.get(title, f'{number} of the {part} part')}. Above each its mean squared error.",
        ))  # fmt: skip
    return [{"title": "What comes back", "plates": plates}]


def _drawn(rows: dict[str, Tensor], looks: _Looks, indices: Tensor, model: Autoencoder) -> Callable[[Any], Figure]:
    if looks.samples.kind == "series":
        raw = {name: model.scaling.inverse(batch.to(looks.device)).cpu() for name, batch in rows.items()}
        kept = {name: batch[:6] for name, batch in raw.items()}
        captions = looks.captions(indices[:6], long=True)
        return lambda theme: figures.series_lines(kept, captions=captions, theme=theme)
    original = rows["original"]
    bounds = model.scaling.range or (float(original.min()), float(original.max()))
    named = {figures.WORDS[name]: batch for name, batch in rows.items()}
    captions = looks.captions(indices)
    return lambda theme: figures.picture_grid(named, captions=captions, bounds=bounds, theme=theme)


def _plate(draw: Callable[[Any], Figure], alt: str, caption: str) -> Plate:
    """Draw a figure for light and for dark."""
    drawn = draw(LIGHT)
    width = round(drawn.get_size_inches()[0] * 120)
    light, dark = (base64.b64encode(png(figure)).decode() for figure in (drawn, draw(DARK)))
    return Plate(light, dark, alt, caption, width)


def _measure_rows(found: Evaluation, data: Data) -> list[dict[str, Any]]:
    """The table of measures: for each part its rows, the better of model and PCA marked."""
    parts = []
    for part, measures in found.measures.items():
        rows = []
        for name, row in measures.items():
            unit = unit_of(name)
            model, pca = row["model"], row["pca"]
            better = ""
            if model is not None and pca is not None and not math.isclose(model, pca, rel_tol=1e-3):
                better = "model" if (model > pca) == unit.more_is_better else "pca"
            share = name == "explained_variance"
            rows.append({
                "title": unit.title,
                "unit": "" if share else unit.unit,
                "more": unit.more_is_better,
                "better": better,
                "figures": {
                    rival: words.percent(value) if share and value is not None else words.number(value)
                    for rival, value in row.items()
                },
            })  # fmt: skip
        parts.append({"name": part, "count": words.count(len(data.parts[part])), "rows": rows})
    return parts


def _cards(model: Autoencoder, data: Data, run: Reportable, code_size: int) -> list[tuple[str, str]]:
    """The few facts that stand at the top, as (value, what it is)."""
    width = math.prod(model.shape)
    numbers = f"{width / code_size:.1f}".removesuffix(".0")
    cards = [
        (_shape(model.shape), f"{data.kind}: {words.count(width)} numbers a sample"),
        (_shape(model.code_shape), f"code: {words.count(code_size)} numbers, {numbers} : 1"),
        (words.count(facts.parameter_count(model)), "parameters"),
        (words.count(len(data.train)), "training samples"),
    ]
    if len(run.history) > 1:
        cards.append((str(len(run.history)), "epochs"))
    return cards


def _loss_words(run: Reportable) -> str:
    first, last = run.history[0], run.history[-1]
    text = f"Training loss over {len(run.history)} epochs, from {words.number(first.get('loss'))} to "
    text += f"{words.number(last.get('loss'))}."
    if last.get("validation_loss") is not None:
        text += f" Validation loss ends at {words.number(last['validation_loss'])}."
    return text + (f" Best epoch: {run.best_epoch}." if run.best_epoch else "")


def _error_words(errors: Mapping[str, Tensor]) -> str:
    return " ".join(
        f"{name.capitalize() if name == 'model' else 'PCA'}: median {words.number(float(values.median()))}, "
        f"largest {words.number(float(values.max()))}."
        for name, values in errors.items()
    )


def _spread(count: int, most: int) -> Tensor:
    """At most `most` of `count` indices, evenly spread, always the same."""
    return torch.linspace(0, count - 1, min(count, most), dtype=torch.float64).round().long()


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "1"
