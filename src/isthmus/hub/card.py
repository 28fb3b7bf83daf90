"""The model card: README.md with metadata, figures, the data's description, and how to use the run."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from isthmus import formatting, version
from isthmus.drawing import figures
from isthmus.drawing.theme import write_png
from isthmus.errors import DataError
from isthmus.measures import Evaluation, unit_of, words
from isthmus.model.listing import parameter_count
from isthmus.parts.model import eval_mode
from isthmus.plain import plain
from isthmus.private import public_description, public_environment
from isthmus.report.facts import as_mapping, blueprint_text, data_facts, flat, repeat_in_python
from isthmus.report.looks import Looks
from isthmus.storage.files import write_whole
from isthmus.trained import TrainedModel
from isthmus.trained.choices import choices

CARD = "README.md"


def write_card(run: TrainedModel, folder: Path, repo: str, *, licence: str | None, pictures: bool) -> None:
    """Write README.md and its pictures into a folder.

    pictures: whether to show some samples of the test part and their reconstructions. Samples of the training part are
    never shown.
    """
    found = _evaluated(run)
    drawn = _figures(run, found, pictures) if found is not None else {}
    for name, (figure, _) in drawn.items():
        write_png(folder / name, figure)
    text = plain("\n".join(_lines(run, repo, found, {name: alt for name, (_, alt) in drawn.items()}, licence)) + "\n")
    write_whole(folder / CARD, lambda beside: beside.write_text(text, encoding="utf-8", newline="\n"))


def _evaluated(run: TrainedModel) -> Evaluation | None:
    """The run's measures; None if its data can't be opened any more."""
    try:
        return run.evaluation()
    except DataError:
        return None


def _figures(run: TrainedModel, found: Evaluation, pictures: bool) -> dict[str, tuple[Figure, str]]:
    """File name → figure and its text alternative."""
    part, samples = found.chief_part, run.open().parts[found.chief_part]
    made: dict[str, tuple[Figure, str]] = {}
    shown = pictures and part != "train" and samples.medium is None and not run.model.restores
    if shown and samples.kind in ("pictures", "series"):
        with eval_mode(run.model):
            looks = Looks(run.model, run.baseline(), samples, found.errors[part])
            typical = looks.typical()
            rows = {figures.WORDS[name]: batch for name, batch in looks.rows(typical).items()}
        if samples.kind == "pictures":
            values = rows[figures.WORDS["original"]]
            bounds = run.model.scaling.range or (float(values.min()), float(values.max()))
            figure = figures.picture_grid(rows, captions=looks.captions(typical), bounds=bounds)
        else:
            raw = {name: run.model.scaling.inverse(batch).cpu() for name, batch in rows.items()}
            figure = figures.series_lines(raw, captions=looks.captions(typical))
        made["reconstructions.png"] = (figure, f"Samples of the {part} part, and their reconstructions")
    if samples.kind == "table" and bool(found.columns[part]["model"].isfinite().any()):
        bars = figures.column_bars(found.columns[part], samples.columns)
        made["columns.png"] = (bars, f"Explained variance of each column on the {part} part")
    if len(run.history) > 1:
        made["loss.png"] = (figures.loss_curves(run.history, best_epoch=run.best_epoch), "Loss by epoch")
    return made


def _lines(
    run: TrainedModel, repo: str, found: Evaluation | None, drawn: Mapping[str, str], licence: str | None
) -> list[str]:
    said, around = public_description(run.description), public_environment(run.environment)
    code, command = math.prod(run.model.code_shape), str(around.get("command") or "")
    lines = ["---", *_metadata(repo, said, found, licence), "---", "", f"# {repo.rpartition('/')[2]}", ""]
    lines.append(
        f"An autoencoder: {_times(run.model.shape)} to a code of {_times(run.model.code_shape)} and back, with "
        f"{parameter_count(run.model):,} parameters. Made with Isthmus {around.get('isthmus', version.VERSION)}."
    )
    if found is not None:
        bits = run.model.code.bits(run.model.code_shape)
        verdict = words.verdict(found, code, run.baseline().size, bits)
        lines += ["", " ".join(filter(None, (verdict, words.explanation(found))))]
    lines += [line for name, alt in drawn.items() if name != "loss.png" for line in ("", f"![{alt}]({name})")]
    lines += ["", "## How to use it", "", "```sh", "pip install 'isthmus[hub]'", "```", "", "```python"]
    lines += ["import isthmus as ist", "", f'run = ist.load("hf://{repo}")']
    lines += ["codes = run.encode(samples)             # a file, an array or a data frame, in raw units"]
    lines += ["reconstructions = run.reconstruct(samples)", "```", ""]
    lines += ["The files are safetensors and JSON; loading them runs no code from this repository.", ""]
    if found is not None:
        lines += ["## Figures", "", *_measures(found), ""]
    if "loss.png" in drawn:
        lines += [f"![{drawn['loss.png']}](loss.png)", ""]
    lines += ["## Data", "", *_table(("", ""), data_facts(said)), ""]
    if columns := said.get("columns"):
        lines += [f"Columns: {_listed(columns)}.", ""]
    if labels := said.get("label_names"):
        lines += [f"Labels: {_listed(labels)}.", ""]
    lines += ["The training data are not in this repository.", "", "## Model", ""]
    lines += [*_table(("choice", "value", "why"), [(one.what, one.value, one.why) for one in choices(run)]), ""]
    lines += ["```json", blueprint_text(run.model), "```", "", "## Training", ""]
    settings = as_mapping(run.settings)
    lines += [*_table(("", ""), flat(settings)), "", "How to repeat it:", ""]
    if command.startswith("isthmus"):
        lines += ["```sh", command, "```", ""]
    if repeated := repeat_in_python(run.model, said, settings):
        lines += ["```python", repeated, "```", ""]
    return lines


def _metadata(repo: str, said: Mapping[str, Any], found: Evaluation | None, licence: str | None) -> list[str]:
    """YAML's lines; each value is JSON, which is YAML too."""
    facts: dict[str, Any] = {
        "library_name": "isthmus",
        "pipeline_tag": "feature-extraction",
        "tags": ["isthmus", "autoencoder", str(said.get("kind") or "")],
    }
    if licence is not None:
        facts["license"] = licence
    if found is not None:
        part, source = found.chief_part, str(said.get("source") or "data in memory")
        metrics = [
            {"type": name, "value": row["model"], "name": f"{unit_of(name).title} ({part} part)"}
            for name, row in found.measures[part].items()
            if row["model"] is not None
        ]
        facts["model-index"] = [
            {
                "name": repo.rpartition("/")[2],
                "results": [
                    {
                        "task": {"type": "feature-extraction"},
                        "dataset": {"name": source, "type": source},
                        "metrics": metrics,
                    }
                ],
            }
        ]
    return [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in facts.items()]


def _measures(found: Evaluation) -> list[str]:
    """A table of each part's measures."""
    rivals = ["model", found.rival, "unigram" if found.of_tokens else "mean"]
    rows = [
        (
            f"{part}: {unit_of(name).title}",
            unit_of(name).unit,
            *(formatting.number(row.get(rival), digits=4) if row.get(rival) is not None else "–" for rival in rivals),
        )
        for part, measures in found.measures.items()
        for name, row in measures.items()
    ]
    return _table(("", "unit", *(figures.WORDS.get(rival, rival) for rival in rivals)), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown; the cells stay on their line and within their column."""
    return [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(' '.join(str(cell).replace('|', '¦').split()) for cell in cells)} |"


def _listed(names: Sequence[str], most: int = 100) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"`{name.replace('`', chr(39))}`" for name in map(str, names[:most])) + more


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "1"
