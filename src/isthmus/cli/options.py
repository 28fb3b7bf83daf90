"""Arguments and options that several commands share, and what several commands do with them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from isthmus.cli import listing
from isthmus.cli.option_groups import as_typer, switch
from isthmus.errors import BlueprintError, DataError
from isthmus.options import TrainingOptions, options_of
from isthmus.storage.files import no_run, unwritable

if TYPE_CHECKING:
    from isthmus.ensembles import Ensemble
    from isthmus.model.blueprint import Blueprint
    from isthmus.run import Run

MOST_STEPS = 1000
"""Positions side by side in a picture, at most (`isthmus.uses.arguments`)."""
MAKE, LOOK, USE = listing.MAKE, listing.LOOK, listing.USE
"""The headings of the list of commands."""
MODEL = "The model"
"""The heading of options that choose a model."""

Score = Literal[
    "auto", "error", "unexplained", "likelihood", "distance", "neighbours", "centre", "prototypes", "combined"
]
"""The anomaly scores (`isthmus.uses.detector.By`), which would take PyTorch to import."""

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)]
Runs = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="The folder of a run; or a folder with a run in each of its folders, which are an ensemble.",
        show_default=False,
    ),
]
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A file (CSV, Parquet, .npy, Excel and others: `isthmus formats` lists them), a folder or zip of files, "
        "an address such as `sqlite:///file.db?table=t`, or a name: `digits`, `sprites`, `mnist`, `fashion-mnist`, "
        "`cifar10`.",
        show_default=False,
    ),
]
Target = Annotated[
    Path,
    typer.Argument(
        metavar="TARGET",
        help="The file to write: .csv, .parquet, .npy, .npz, a .zip or a folder of pictures.",
        show_default=False,
    ),
]
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        "-r",
        metavar="NAME",
        help="A named model; `isthmus recipes` lists them. [default: deep; table for categories and missing cells; "
        "text-vae and music-vae for text and melodies]",
        show_default=False,
        rich_help_panel=MODEL,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="KEY=VALUE",
        help="An option of the recipe, as in `--set code=32`. You may repeat it.",
        rich_help_panel=MODEL,
        show_default=False,
    ),
]
Track = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Tools that the run is written to, with commas: tensorboard, mlflow, wandb, trackio.",
        show_default=False,
    ),
]
TrackName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The experiment or project in these tools. [default: isthmus, or as the tool's environment variable says]",
        show_default=False,
    ),
]
Force = Annotated[bool, switch("--force", help="Overwrite the results that are there.")]
Quiet = Annotated[bool, switch("--quiet", "-q", help="Print the result only, no progress and no advice.")]
Json = Annotated[bool, switch("--json", help="Print the result as JSON, and nothing else, on stdout.")]
Device = Annotated[str, as_typer(options_of(TrainingOptions)["device"], panel=False)]


def open_run(folder: Path, device: str = "cpu") -> "Run":
    """The run in `folder`, its model on this device.

    PyTorch is loaded here, so that help and wrong use are answered at once.
    """
    try:
        there = folder.exists()
    except OSError:  # a name that no folder can have
        there = False
    if not there and not str(folder).startswith("hf:/"):  # said without waiting for PyTorch
        raise no_run(folder)
    from isthmus.run import load

    return load(folder, device=device)


def open_runs(folder: Path, device: str = "cpu") -> "Run | Ensemble":
    """The run in `folder`; or the ensemble of those in its folders, if it has none of its own."""
    if folder.is_dir() and not str(folder).startswith("hf:/"):
        from isthmus.ensembles import ensemble, runs_in
        from isthmus.storage.files import MODEL
        from isthmus.storage.run_folder import NEW

        own = any((folder / place / MODEL).exists() for place in ("", NEW))
        if not own and len(runs_in(folder)) > 1:
            return ensemble(folder, device=device)
    return open_run(folder, device)


def named_model(name: str, changes: dict[str, Any]) -> "Blueprint":
    """The recipe of this name with these options.

    Raises:
        typer.BadParameter: there is no such recipe or option, or a value won't do, whatever the data.
    """
    from isthmus.model.recipes import recipe

    try:
        return recipe(name, **changes)
    except BlueprintError as error:
        raise typer.BadParameter(str(error)) from error


def make_way(*targets: Path, force: bool, source: str | None = None) -> None:
    """See before any work is done, not after it, that all can be written; the folders they lie in are made.

    source: it is read, and never overwritten.

    Raises:
        DataError: something is there, and is not to be overwritten; or two are one.
        IsthmusError: a folder can't be made.
    """
    taken: set[Path] = set()
    for target in targets:
        if (place := target.expanduser().resolve()) in taken:
            raise DataError(f"{target} is to hold two results, and would keep the last one only: name two files.")
        taken.add(place)
        _make_way(target, force, source)


def _make_way(target: Path, force: bool, source: str | None) -> None:
    if source is not None and target.exists() and target.resolve() == Path(source).expanduser().resolve():
        raise DataError(f"{target} is what is read: choose another name.")
    if target.exists() and not force:
        raise DataError(f"{target} is there already: choose another name, or overwrite it with --force.")
    try:
        target.expanduser().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(target, error) from error
