"""Commands that train several models: `sweep`, `compare`, `pretrain`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isthmus.cli import data_options, options, training_options
from isthmus.cli.console import INTERRUPTED, complain, counted, say, say_json, say_table, working
from isthmus.cli.option_groups import offers
from isthmus.cli.train import stem
from isthmus.errors import BlueprintError

if TYPE_CHECKING:
    from isthmus.experiments import Comparison, Sweep
    from isthmus.model.blueprint import Blueprint

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="The study's folder; by default runs/SOURCE-, and the command's name. What is done there stays done.",
        show_default=False,
    ),
]
Jobs = Annotated[
    int, typer.Option("--jobs", "-j", min=1, metavar="N", help="Processes at once, which share the threads.")
]
STUDY = ("epochs", "layer_epochs", "batch_size", "learning_rate", "schedule", "patience", "precision", "device")
"""Of the training, the same for all."""
BUDGET = training_options.OPTIONS | {"epochs": training_options.epochs("20")}
"""The same number of epochs for all, so that none of them is compared with another budget."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command(
        rich_help_panel=options.MAKE, epilog="Example: `isthmus sweep digits --code 1,2,4,8,16 --epochs 30 --jobs 2`"
    )(sweep)
    app.command(
        rich_help_panel=options.MAKE,
        epilog="Examples: `isthmus compare digits deep conv vae --seeds 3 --epochs 20`; a recipe at several settings: "
        "`isthmus compare digits vae@weight=1/2/4 deep@code=8,network.widths=64,32`",
    )(compare)
    app.command(
        rich_help_panel=options.USE, epilog="Example: `isthmus pretrain runs/digits --labels 20,100 --seeds 5`"
    )(pretrain)


@offers("settings", BUDGET, *STUDY)
@data_options.reads(*data_options.READING, "validation", "test", "split_seed", "scaling")
def sweep(
    source: options.Source,
    code: Annotated[
        str | None,
        typer.Option(
            "--code",
            "-c",
            metavar="SIZES",
            help="Sizes of the code, as in `--code 1,2,4,8`. [default: powers of two, to half of the data's numbers]",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", "-r", help="A named model; `isthmus recipes` lists them.")
    ] = "deep",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KEY=VALUE", help="An option of the recipe.", show_default=False),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Trainings of each size.")] = 1,
    price: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Of the variance, that a number must bring back to pay. [default: 1/D, for data of D numbers]",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
    jobs: Jobs = 1,
    *,
    settings: training_options.Settings,
    read_options: data_options.ReadOptions,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """How many numbers does the code need? Train one model with codes of several sizes, PCA beside them.

    Says where an additional number stops paying. The same command again does only what is left to do, with more sizes
    or seeds too.
    """
    sizes = None if code is None else _numbers("--code", code)
    changes = options.settings(set_)
    from isthmus.data import open_data
    from isthmus.experiments import sweep as study
    from isthmus.experiments.table import PAGE

    plan = options.named_model(recipe, changes)
    with working(f"reading {source}", quiet=quiet):
        data = open_data(source, **read_options)
    folder = out or Path("runs") / f"{stem(source)}-sweep"
    with _training(quiet) as progress:
        found = study(
            data,
            sizes,
            recipe=plan,
            out=folder,
            seeds=seeds,
            price=price,
            jobs=jobs,
            overwrite=force,
            progress=progress,
            **settings,
        )
    _end(found, found.reason, folder / PAGE, json=json, quiet=quiet)


@offers("settings", BUDGET, *STUDY)
@data_options.reads(*data_options.READING, "validation", "test", "split_seed", "scaling")
def compare(
    source: options.Source,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODELS",
            help="Recipes (`isthmus recipes` lists them), each with options of its own after @: `vae@weight=4,code=8`. "
            "Several values with / between them stand for one model each: `vae@weight=1/2/4`.",
            show_default=False,
        ),
    ] = None,
    recipes: Annotated[
        str | None,
        typer.Option(
            "--recipes",
            "-r",
            metavar="NAMES",
            help="Recipes without options of their own, as in `--recipes deep,conv`.",
            show_default=False,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="[RECIPE:]KEY=VALUE",
            help="An option of all recipes, `--set code=16`, or of one, `--set conv:channels=16,32`; may be repeated.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Trainings of each.")] = 3,
    out: Out = None,
    jobs: Jobs = 1,
    *,
    settings: training_options.Settings,
    read_options: data_options.ReadOptions,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Which model is best? Train several on the same data with the same budget, each from several seeds.

    Models are ranked by the squared error; VAEs of one likelihood, among themselves, by the ELBO. One table and one
    page, with PCA beside them. The same command again does only what is left to do, with more recipes
    or seeds too.
    """
    plans = _plans([*(models or ()), *(options.names([recipes or ""]) or ())], set_)
    from isthmus.data import open_data
    from isthmus.experiments import compare as study
    from isthmus.experiments.table import PAGE

    with working(f"reading {source}", quiet=quiet):
        data = open_data(source, **read_options)
    folder = out or Path("runs") / f"{stem(source)}-compare"
    with _training(quiet) as progress:
        found = study(data, plans, out=folder, seeds=seeds, jobs=jobs, overwrite=force, progress=progress, **settings)
    said = f"{found.verdict} {found.explanation}".strip()
    _end(found, said, folder / PAGE, json=json, quiet=quiet)


@offers(
    "settings",
    training_options.OPTIONS | {"epochs": training_options.epochs("as many as make 2,000 steps")},
    *("epochs", "batch_size", "learning_rate", "device"),
)
@data_options.reads(*data_options.READING, "validation", "test", "split_seed")
def pretrain(
    run: options.Folder,
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="Data with labels; the training's own if not said.", show_default=False),
    ] = None,
    labels: Annotated[
        str, typer.Option(metavar="NUMBERS", help="How many samples of the training part have a label.")
    ] = "100,1000,10000",
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Each draws other samples to have labels.")] = 5,
    out: Out = None,
    jobs: Jobs = 1,
    *,
    settings: training_options.Settings,
    read_options: data_options.ReadOptions,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Is pretraining worth it? Learn labels from few samples, starting at a run's encoder and from scratch.

    Beside both, scikit-learn's logistic regression and nearest neighbours on the codes and on the data themselves. The
    same command again does only what is left to do.
    """
    counts = _numbers("--labels", labels)
    from isthmus.experiments import pretrain as study
    from isthmus.experiments.classify import WAYS
    from isthmus.experiments.pretraining import told
    from isthmus.experiments.table import PAGE

    folder = out or run.with_name(f"{run.name}-pretrain")
    with _training(quiet) as progress:
        found = study(
            run,
            source,
            counts,
            out=folder,
            seeds=seeds,
            jobs=jobs,
            overwrite=force,
            progress=progress,
            read_options=read_options,
            **settings,
        )
    if json:
        say_json({**found.to_json(), "page": str(folder / PAGE)})
    else:
        rows = [[way, *(told(found.accuracy(way, count)) for count in found.labels)] for way in WAYS]
        head = ["", *(f"{count:,} labels" for count in found.labels)]
        say_table(head, rows, title=f"{folder}, right of the {found.part} part", right=True)
        say(found.verdict, _where(folder / PAGE, quiet))
    _fail_if_any(found.failures)


def _numbers(option: str, text: str) -> list[int]:
    try:
        numbers = [int(word) for word in text.split(",") if word.strip()]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(f"{option} {text!r}: expected numbers of 1 or more, as in {option} 1,2,4,8")
    return numbers


def _plans(words: Sequence[str], pairs: Sequence[str] | None) -> "dict[str, Blueprint]":
    """The models with their options: those of all, those of one recipe, and their own.

    Raises:
        typer.BadParameter: a word names no model, or there is no such recipe or option.
    """
    from isthmus.experiments.candidates import read_candidates

    if not words:
        raise typer.BadParameter("no models to compare: expected one at least, as in isthmus compare digits deep conv")
    try:
        candidates = read_candidates(words)
    except BlueprintError as error:
        raise typer.BadParameter(str(error)) from error
    names = {candidate.recipe for candidate in candidates}
    everybody: list[str] = []
    of_recipe: dict[str, list[str]] = {}
    for pair in pairs or ():
        whose, colon, rest = pair.partition(":")
        if not colon or "=" in whose:
            everybody.append(pair)
        elif whose in names:
            of_recipe.setdefault(whose, []).append(rest)
        else:
            raise typer.BadParameter(f"--set {pair!r}: {whose!r} is none of the recipes compared, {', '.join(names)}")
    shared = options.settings(everybody)
    return {
        name: options.named_model(recipe, shared | options.settings(of_recipe.get(recipe)) | own)
        for name, recipe, own in candidates
    }


def _end(found: "Sweep | Comparison", verdict: str, page: Path, *, json: bool, quiet: bool) -> None:
    """The table and what it says on stdout, or all that was found as JSON; leave with 1 where a training failed."""
    from isthmus.experiments.table import summary
    from isthmus.experiments.words import brief_columns, cells

    if json:
        say_json({**found.to_json(), "page": str(page), "entries": summary(found.entries)})
    else:
        names = brief_columns(found.entries, found.part)
        rows = [[entry.candidate, *cells(entry, names)] for entry in found.entries if entry.count]
        say_table(["", *names.values()], rows, title=f"{found.folder}, {found.part} part", right=True)
        say(verdict, _where(page, quiet))
    _fail_if_any(found.failures)


def _where(page: Path, quiet: bool) -> str:
    return str(page) if quiet else f"Next, look at it:  {page}"


def _fail_if_any(failures: dict[str, str]) -> None:
    for name, error in failures.items():
        complain(f"{name} failed: {error}")
    if failures:
        raise typer.Exit(1)


@contextmanager
def _training(quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar while a study trains; Ctrl-C ends the command, and says that nothing is lost."""
    try:
        with counted("training", quiet=quiet) as progress:
            yield progress
    except KeyboardInterrupt:
        complain("Stopped; everything is saved. The same command goes on.")
        raise typer.Exit(INTERRUPTED) from None
