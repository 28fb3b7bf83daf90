"""Commands that list and describe: `recipes`, `formats`, `info`."""

import json as json_module
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import data_options, options
from isthmus.cli.console import number, say, say_json, say_table
from isthmus.cli.guidance import tell
from isthmus.formatting import listed

if TYPE_CHECKING:
    from isthmus.data.listing import FormatRow
    from isthmus.model.recipe import Recipe
    from isthmus.run import Run


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command(
        rich_help_panel=options.MAKE,
        epilog='Examples: `isthmus recipes deep`, `isthmus recipes --for "anomalies in a table" people.csv`',
    )(recipes)
    app.command(rich_help_panel=options.MAKE, epilog="Example: `isthmus formats`")(formats)
    app.command(rich_help_panel=options.LOOK, epilog="Example: `isthmus info runs/digits`")(info)


@data_options.reads("label", "kind", "size", "patches", "window", "categorical")
def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="The recipe to describe; with --for, the data to choose for.", show_default=False
        ),
    ] = None,
    *,
    read_options: data_options.ReadOptions,
    purpose: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="PURPOSE",
            help="Suggest a recipe for this purpose, in your words, such as `anomalies in a table`. NAME may then be "
            "a source of data.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """List the named models, describe one with its options and its source, or suggest one for a purpose."""
    if purpose is not None:
        tell(purpose, name, read_options, json=json)
        return
    if read_options:
        raise typer.BadParameter("options of reading data are for a suggestion: give --for PURPOSE with them")
    from isthmus.model.recipes import RECIPES, find_recipe

    if name is None:
        if json:
            say_json({row.name: _recipe(row) for row in RECIPES.values()})
            return
        say_table(("recipe", "what it is"), [(row.name, row.summary) for row in RECIPES.values()])
        say("One of them in detail:  isthmus recipes NAME", "One for a purpose:      isthmus recipes --for PURPOSE")
        return
    row = find_recipe(name)
    if json:
        say_json(_recipe(row))
        return
    say(f"{row.name}: {row.summary}", row.advice, f"Source: {row.source}.")
    say_table(("option", "default"), [(key, _as_set(value)) for key, value in row.blueprint.options().items()])
    say(f"Example:  {_example(row)}")


def formats(json: options.Json = False) -> None:
    """List the formats of data: what each becomes, whether it is also written, and what it needs."""
    from dataclasses import asdict

    from isthmus.data.listing import formats as listed_formats

    rows = listed_formats()
    if json:
        say_json([asdict(row) for row in rows])
        return
    say_table(
        ("format", "suffixes", "becomes", "written as", "extra"),
        [(row.name, " ".join(row.suffixes), row.becomes, " ".join(row.writes), _extra(row)) for row in rows],
    )
    say("Install an extra:  pip install 'isthmus[excel]'")


def info(run: options.Folder, json: options.Json = False) -> None:
    """Describe a run: the model layer by layer, the data, the course of the training, the files."""
    from isthmus.model.listing import layers, parameter_count
    from isthmus.trained.choices import choices

    found = options.open_run(run)
    chosen = choices(found)
    facts = {
        "status": found.status,
        "blueprint": found.model.blueprint.to_json() if found.model.blueprint else None,
        "shape": found.model.shape,
        "code_shape": found.model.code_shape,
        "layers": [
            {"name": layer.name, "layer": layer.kind, "gives": layer.shape, "weights": layer.parameters}
            for layer in layers(found.model)
        ],
        "parameters": parameter_count(found.model),
        "data": found.description,
        "settings": found.settings.to_json(),
        "choices": [row._asdict() for row in chosen],
        "best_epoch": found.best_epoch,
        "history": found.history,
        "environment": found.environment,
        "files": {path.name: path.stat().st_size for path in sorted(run.iterdir()) if path.is_file()},
    }
    if json:
        say_json(facts)
        return
    say(f"{run}: {found.status}{', ' + found.reason if found.reason else ''}", "")
    if found.model.blueprint is not None:
        parts = found.model.blueprint.to_json().items()
        say("Model", *(f"  {name}: {_part(value)}" for name, value in parts if value not in (None, [], ())))
    say_table(("layer", "what it is", "gives", "weights"), [_layer_row(layer) for layer in facts["layers"]])
    say(
        f"{facts['parameters']:,} weights", "", "Data", *_data(found.description), "", "Training", *_training(found), ""
    )
    say_table(("setting", "value", "why", "option"), chosen)
    say("Files", *(f"  {size:>12,}  {name}" for name, size in facts["files"].items()))


def _extra(row: "FormatRow") -> str:
    """The extra that a format needs, and whether it is there."""
    return f"{row.extra}{'' if row.installed else ' (not installed)'}" if row.extra else ""


def _recipe(row: "Recipe") -> dict[str, Any]:
    return {
        "summary": row.summary,
        "advice": row.advice,
        "source": row.source,
        "options": row.blueprint.options(),
        "blueprint": row.blueprint.to_json(),
    }


def _example(row: "Recipe") -> str:
    """A command that trains it, with the option that matters: twice the damage it learns to undo, or another code."""
    damage = row.blueprint.corruption if row.blueprint.corruption.as_bytes else None
    source = {
        "series": "heartbeats.npy --kind series",
        "table": "people.csv --categorical auto",
        "text": "sentences.txt",
        "sound": "recordings/",
        "pairs": "outputs.npy --damaged inputs.npy",
        "graph": "karate-club",
    }.get(row.data, "digits")
    if damage is None:
        return f"isthmus train {source} --recipe {row.name} --set code=16"
    options = row.blueprint.options()
    names = [name for name in type(damage).model_fields if name != "as_bytes"]
    told = next((name for own in names for name in (own, f"corruption.{own}") if name in options), None)
    changed = f" --set {told}={2 * options[told]:g}" if told else ""
    return f"isthmus train photos/ --patches 1000 --size 32 --recipe {row.name}{changed}"


def _as_set(value: Any) -> str:
    """An option's value as `--set` takes it."""
    return value if isinstance(value, str) else json_module.dumps(value, default=str)


def _part(value: Any) -> str:
    """A part's JSON on one line: `dense, widths=[128, 64]`."""
    if not isinstance(value, dict):
        return _as_set(value)
    return ", ".join([str(value.get("kind", "")), *(f"{k}={_as_set(v)}" for k, v in value.items() if k != "kind")])


def _layer_row(layer: dict[str, Any]) -> tuple[str, str, str, str]:
    gives = "×".join(map(str, layer["gives"]))
    return layer["name"], layer["layer"], gives, f"{layer['weights']:,}" if layer["weights"] else ""


def _data(description: dict[str, Any]) -> list[str]:
    counts, sizes = description.get("counts", {}), description.get("shape", [])
    shape = f"{'×'.join(map(str, sizes))} ({math.prod(sizes):,} numbers)"
    lines = [
        f"  source: {description.get('source') or 'given in memory'}",
        f"  {description.get('kind')}, {shape}, {description.get('dtype')}",
        "  samples: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()),
        f"  scaling: {_scaling(description.get('scaling', {}), description.get('columns') or ())}",
    ]
    if medium := description.get("medium"):
        told = {name: value for name, value in medium.items() if isinstance(value, int)}
        lines.append(f"  {medium['kind']}: {', '.join(f'{name} {value}' for name, value in told.items())}")
        lines += [f"  channels: {', '.join(medium['channels'])}"] if medium.get("channels") else []
    if description.get("label_names"):
        lines.append(f"  labels: {', '.join(map(str, description['label_names']))}")
    return lines


def _scaling(scaling: dict[str, Any], columns: Sequence[str]) -> str:
    """The kind, and the columns with a curve, "standardise, after a curve: 'income'"."""
    units = (scaling.get("curve") or {}).get("unit") or ()
    curved = listed([repr(name) for name, unit in zip(columns, units, strict=False) if unit])
    return f"{scaling.get('kind')}, after a curve: {curved}" if curved else str(scaling.get("kind"))


def _training(run: "Run") -> list[str]:
    settings = run.settings
    lines = [
        f"  {len(run.history)} of {settings.epochs} epochs, best: {run.best_epoch}",
        f"  {settings.optimiser}, learning rate {settings.learning_rate:g} ({settings.schedule}), batch "
        f"{settings.batch_size}, {settings.precision}, seed {settings.seed}, {settings.device}",
    ]
    if run.history:
        last = run.history[-1]
        seconds = sum(row.get("seconds", 0.0) for row in run.history)
        figures = [f"{name} {number(last[name])}" for name in ("loss", "validation_loss") if name in last]
        lines.append(
            f"  last epoch: {', '.join(figures)}; {seconds:.1f} s in all".replace("validation_loss", "validation loss")
        )
    return lines
