"""Commands that train: `train`, `resume`."""

import json as json_module
import math
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import data_options, options, parsing, training_options
from isthmus.cli.console import INTERRUPTED, complain, counted, figures, say, say_json, say_table, working
from isthmus.cli.option_groups import as_typer
from isthmus.cli.training_options import TRAINING
from isthmus.errors import BlueprintError, TrainingError, remark
from isthmus.launch import launched
from isthmus.storage.files import open_regular
from isthmus.storage.run_folder import WEIGHTS

FEW = 50
"""Training samples of text, music or sound, below which you get a remark."""

if TYPE_CHECKING:
    from isthmus.data import Data
    from isthmus.model.autoencoder import Autoencoder
    from isthmus.model.blueprint import Blueprint
    from isthmus.run import Run
    from isthmus.trackers import Tracker


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command(
        rich_help_panel=options.MAKE,
        epilog="Example: `isthmus train digits --recipe deep --set code=32 --epochs 20 --seed 0 --out runs/digits`",
    )(train)
    app.command(rich_help_panel=options.MAKE, epilog="Example: `isthmus resume runs/digits`")(resume)


@training_options.trains(*training_options.TRAINING, chosen=True)
@data_options.reads(*data_options.READING, "damaged", *data_options.DIVIDING)
def train(
    source: options.Source,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="The run's folder. [default: runs/SOURCE-RECIPE, with a number if that is taken]",
            show_default=False,
        ),
    ] = None,
    recipe: options.Recipe = None,
    set_: options.Set = None,
    blueprint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A model from a JSON file, or from a run's model.json, instead of a recipe.",
            rich_help_panel=options.MODEL,
            show_default=False,
        ),
    ] = None,
    *,
    settings: training_options.Settings,
    read_options: data_options.ReadOptions,
    track: options.Track = None,
    track_name: options.TrackName = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Train an autoencoder on SOURCE, save it in a folder, and compare its error with PCA's.

    If you leave out `--epochs`, Isthmus chooses them from the model and the data. It then also chooses the batch size,
    the learning rate, the schedule and the patience, unless you give them, and prints its choice.

    To train with several GPUs or machines: `torchrun --nproc-per-node 2 -m isthmus train SOURCE …`
    """
    changes = parsing.settings(set_)
    from isthmus.data import open_data
    from isthmus.fitting import fit
    from isthmus.model.recipes import usual_recipe

    quiet = quiet or not launched().chief
    trackers = _trackers(track, track_name)
    if "damaged" in read_options:  # what damages them is at hand, and nothing else shall
        changes = {"corruption": "pairs"} | changes
    plan = None if recipe is None and blueprint is None else _plan(recipe or "", changes, blueprint)
    with working(f"reading {source}", quiet=quiet):
        data = open_data(source, **read_options)
    if plan is None:
        recipe = usual_recipe(data)
        if recipe != "deep" and not quiet:
            print(f"Recipe: {recipe}, by the data; change with --recipe.", file=sys.stderr)
        plan = _plan(recipe, changes, None)
    if data.train.medium is not None and len(data.train) < FEW:
        remark(
            f"{source} has {len(data.train)} samples to train on, which a model learns by heart. Give more files, or "
            "cut shorter or overlapping samples with --window and --step."
        )
    folder = out or free_folder(
        Path("runs") / f"{stem(source)}-{blueprint.stem if blueprint else recipe}", again=launched().restarts > 0
    )
    model = plan.build(data, seed=settings.get("seed", 0))
    settings = _with_chosen(model, data, settings, quiet=quiet)
    run = fit(model, data, out=folder, overwrite=force, progress=not quiet, callbacks=trackers, **settings)
    conclude(run, folder, json=json, quiet=quiet)


def resume(
    run: options.Folder,
    epochs: Annotated[
        int | None,
        as_typer(TRAINING["epochs"], help="Train up to this many epochs in all.", default="as planned", panel=False),
    ] = None,
    device: Annotated[str | None, as_typer(TRAINING["device"], default="as before", panel=False)] = None,
    track: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Tools to write the run to, as in train; `none` for no tool. [default: as before]",
            show_default=False,
        ),
    ] = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Continue a training that was stopped or killed. The result is the same as without the interruption."""
    from isthmus.fitting import resume as go_on

    quiet = quiet or not launched().chief
    done = go_on(run, epochs=epochs, device=device, track=track, progress=not quiet)
    conclude(done, run, json=json, quiet=quiet)


def conclude(run: "Run", folder: Path, *, json: bool, quiet: bool) -> None:
    """Say where the run is, how good it is on the test part, and, unless quiet, what to do next.

    Raises:
        typer.Exit: the training was interrupted (after saying what is saved).
    """
    from isthmus.measures.words import verdict

    if not launched().chief:
        raise typer.Exit(INTERRUPTED if run.status == "interrupted" else 0)
    shown = shlex.quote(str(folder))
    if run.status == "interrupted":
        where = f"epoch {len(run.history) + 1} of {run.settings.epochs}"
        old = f" Until it has ended, {shown} keeps the run that was there before." if run.folder != folder else ""
        complain(f"Stopped in {where}; everything is saved. To go on: isthmus resume {shown}{'.' if old else ''}{old}")
        raise typer.Exit(INTERRUPTED)
    with counted("evaluating", quiet=quiet) as progress:
        found = run.evaluation(chief=not json, progress=progress)  # of all parts it would take as long as ten epochs
    if json:
        say_json({"run": str(folder), **found.to_json()})
        return
    say_table(*figures(found.measures[found.chief_part]), title=f"{folder}, {found.chief_part} part", right=True)
    sizes = math.prod(run.model.code_shape), run.baseline().size
    say(verdict(found, *sizes, run.model.code.bits(run.model.code_shape)))
    if run.status == "stopped early":
        say(f"Stopped after epoch {len(run.history)}: epoch {run.best_epoch} was the best, and its weights are kept.")
    if quiet:
        return
    if run.status != "stopped early" and _still_falling(run.history):
        say(f"The loss was still falling:  isthmus resume {shown} --epochs {2 * run.settings.epochs}  may do better.")
    say(f"Next, look at it:  isthmus report {shown}")
    if run.model.restores:
        say(f"Or use it:  isthmus restore {shown} INPUT OUTPUT")


def _still_falling(history: list[dict[str, Any]]) -> bool:
    """Whether the last tenth of the training, five epochs at least, brought the loss down by more than 2 %."""
    losses: list[float] = [row["validation_loss"] if "validation_loss" in row else row["loss"] for row in history]
    tail = max(5, len(losses) // 10)
    return len(losses) > tail and losses[-1] < 0.98 * losses[-1 - tail]


def stem(source: str) -> str:
    """What a source is called in the name of a folder: its last word, without suffixes.

    >>> stem("/data/my pictures.zip")
    'my-pictures'
    """
    name = Path(source).name or Path(source).resolve().name
    name = re.sub(r"(\.(csv|tsv|txt|parquet|npy|npz|zip|gz)|[-.]idx\d-ubyte)+$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^\w.]+", "-", name).strip("-.") or "data"


def free_folder(folder: Path, *, again: bool = False) -> Path:
    """`folder`, or the first of folder-2, folder-3, … that is not there yet.

    again: the launcher has started the command again; the last folder that is there, if its run is unfinished.
    """
    count, free, last = 1, folder, folder
    while free.exists():
        count, last = count + 1, free
        free = folder.with_name(f"{folder.name}-{count}")
    return last if again and last.exists() and not (last / WEIGHTS).exists() else free


def _with_chosen(
    model: "Autoencoder", data: "Data", given: training_options.Settings, *, quiet: bool
) -> training_options.Settings:
    """The settings with those that are left open chosen, which is said in a line."""
    if "epochs" in given or (model.blueprint and model.blueprint.solution == "closed form"):
        return given
    from isthmus.training import choice

    settings = choice.chosen(model, data.train, given)
    if not quiet:
        words = ["--set code=…", *(f"--{name.replace('_', '-')}" for name in choice.OPEN if name not in given)]
        print(f"Chosen: {choice.in_words(model, settings)}; change with {', '.join(words)}.", file=sys.stderr)
    return given | {name: getattr(settings, name) for name in choice.OPEN}


def _trackers(track: str | None, experiment: str | None) -> "list[Tracker]":
    """The trackers of these names.

    Raises:
        typer.BadParameter: there is no such tracker, or a name for its experiment but no tracker.
    """
    if track is None:
        if experiment is not None:
            raise typer.BadParameter("--track-name names the experiment of --track: give that too")
        return []
    from isthmus.trackers import named

    try:
        return named(track, experiment)
    except TrainingError as error:
        raise typer.BadParameter(str(error)) from error


def _plan(recipe: str, changes: dict[str, Any], file: Path | None) -> "Blueprint":
    """The model that the options ask for.

    Raises:
        typer.BadParameter: there is no such recipe or option.
        BlueprintError: there is no such file, or it holds no blueprint.
    """
    from isthmus.model.blueprint import Blueprint

    if file is None:
        return options.named_model(recipe, changes)
    try:
        with open_regular(file) as opened:
            said = json_module.loads(opened.read().decode())
        own = said.get("blueprint") if isinstance(said, dict) else None  # a run's model.json has it under this name
        blueprint = Blueprint.from_json(own or said)
    except (OSError, ValueError, RecursionError) as error:
        cause = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise BlueprintError(
            f"{file} can't be read as a blueprint: {cause}. Give a JSON file with the fields of a Blueprint."
        ) from error
    return blueprint.with_options(**changes)
