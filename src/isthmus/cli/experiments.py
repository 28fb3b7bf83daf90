"""Commands that train several models: `sweep`, `compare`, `pretrain`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import data_options, options, parsing, training_options
from isthmus.cli.console import INTERRUPTED, complain, counted, say, say_json, say_table, working
from isthmus.cli.study_options import BUDGET, Study, studies
from isthmus.cli.train import stem
from isthmus.errors import BlueprintError

if TYPE_CHECKING:
    from isthmus.data import Data
    from isthmus.experiments import Comparison, Sweep
    from isthmus.model.blueprint import Blueprint


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


@studies(*BUDGET, out="runs/SOURCE-sweep", seeds=1)
@data_options.reads(*data_options.READING, *data_options.DIVIDING)
def sweep(
    source: options.Source,
    code: Annotated[
        str | None,
        typer.Option(
            "--code",
            "-c",
            metavar="SIZES",
            help="The code sizes to try, as in `--code 1,2,4,8`. [default: powers of two, up to 128 and to half of a "
            "sample's values]",
            show_default=False,
        ),
    ] = None,
    recipe: options.Recipe = None,
    set_: options.Set = None,
    price: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="The share of the variance that a latent dimension must explain to be worth its place. [default: 1/D, "
            "for samples of D values]",
            show_default=False,
        ),
    ] = None,
    *,
    study: Study,
    settings: training_options.Settings,
    read_options: data_options.ReadOptions,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """How large must the code be? Train one model with several code sizes, and compare them with PCA.

    The result names the size beyond which another latent dimension explains too little. Run the same command again,
    also with more sizes or seeds, and only the trainings that are missing are done.
    """
    sizes = None if code is None else _numbers("--code", code)
    changes = parsing.settings(set_)
    from isthmus.experiments import sweep as run_study
    from isthmus.experiments.table import PAGE

    data, plan = data_and_model(source, recipe, changes, read_options, quiet=quiet)
    study = {"out": Path("runs") / f"{stem(source)}-sweep"} | study
    with training(quiet) as progress:
        found = run_study(
            data, sizes, recipe=plan, price=price, overwrite=force, progress=progress, **study, **settings
        )
    _end(found, found.reason, study["out"] / PAGE, json=json, quiet=quiet)


@studies(*BUDGET, out="runs/SOURCE-compare", seeds=3)
@data_options.reads(*data_options.READING, *data_options.DIVIDING)
def compare(
    source: options.Source,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODELS",
            help="Recipes (`isthmus recipes` lists them), each with its own options after @: `vae@weight=4,code=8`. "
            "Several values with / between them make one model each: `vae@weight=1/2/4`.",
            show_default=False,
        ),
    ] = None,
    recipes: Annotated[
        str | None,
        typer.Option(
            "--recipes",
            "-r",
            metavar="NAMES",
            help="Recipes without options, as in `--recipes deep,conv`.",
            show_default=False,
            rich_help_panel=options.MODEL,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="[RECIPE:]KEY=VALUE",
            help="An option of all recipes, `--set code=16`, or of one, `--set conv:kernel=5`. You may repeat it.",
            show_default=False,
            rich_help_panel=options.MODEL,
        ),
    ] = None,
    *,
    study: Study,
    settings: training_options.Settings,
    read_options: data_options.ReadOptions,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Which model is best? Train several on the same data with the same budget, each from several seeds.

    Models are ranked by the squared error; if all are VAEs of one likelihood, by the ELBO. A table and a page compare
    them with each other and with PCA. Run the same command again, also with more recipes or seeds, and only the
    trainings that are missing are done.
    """
    plans = _plans([*(models or ()), *(parsing.names([recipes or ""]) or ())], set_)
    from isthmus.data import open_data
    from isthmus.experiments import compare as run_study
    from isthmus.experiments.table import PAGE

    with working(f"reading {source}", quiet=quiet):
        data = open_data(source, **read_options)
    study = {"out": Path("runs") / f"{stem(source)}-compare"} | study
    with training(quiet) as progress:
        found = run_study(data, plans, overwrite=force, progress=progress, **study, **settings)
    said = f"{found.verdict} {found.explanation}".strip()
    _end(found, said, study["out"] / PAGE, json=json, quiet=quiet)


@studies(
    *("epochs", "batch_size", "learning_rate", "device"),
    out="RUN-pretrain",
    seeds=5,
    defaults={"epochs": "as many as make 2,000 steps"},
)
@data_options.reads(*data_options.READING, "validation", "test", "seed")
def pretrain(
    run: options.Folder,
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="Data with labels. [default: those of the training]", show_default=False),
    ] = None,
    labels: Annotated[
        str, typer.Option(metavar="NUMBERS", help="How many samples of the training part have a label.")
    ] = "100,1000,10000",
    *,
    study: Study,
    settings: training_options.Settings,
    read_options: data_options.ReadOptions,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Is pretraining worth it? Learn labels from few samples, with a run's encoder and from scratch.

    Both are compared with scikit-learn's logistic regression and nearest neighbours, on the codes and on the data. Each
    seed draws other samples to have labels. Run the same command again, and only the trainings that are missing are
    done.
    """
    counts = _numbers("--labels", labels)
    from isthmus.experiments import pretrain as run_study
    from isthmus.experiments.classify import WAYS
    from isthmus.experiments.pretraining import told
    from isthmus.experiments.table import PAGE

    study = {"out": run.with_name(f"{run.name}-pretrain")} | study
    folder = study["out"]
    with training(quiet) as progress:
        found = run_study(
            run, source, counts, overwrite=force, progress=progress, read_options=read_options, **study, **settings
        )
    if json:
        say_json({**found.to_json(), "page": str(folder / PAGE)})
    else:
        rows = [[way, *(told(found.accuracy(way, count)) for count in found.labels)] for way in WAYS]
        head = ["", *(f"{count:,} labels" for count in found.labels)]
        say_table(head, rows, title=f"{folder}, right of the {found.part} part", right=True)
        say(found.verdict, where(folder / PAGE, quiet))
    fail_if_any(found.failures)


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
    shared = parsing.settings(everybody)
    return {
        name: options.named_model(recipe, shared | parsing.settings(of_recipe.get(recipe)) | own)
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
        say(verdict, where(page, quiet))
    fail_if_any(found.failures)


def data_and_model(
    source: str, recipe: str | None, changes: dict[str, Any], read_options: dict[str, Any], *, quiet: bool
) -> "tuple[Data, Blueprint]":
    """The data, and the model that a study begins with: the usual one for these data, if no recipe is named."""
    from isthmus.data import open_data
    from isthmus.model.recipes import usual_recipe

    plan = None if recipe is None else options.named_model(recipe, changes)
    with working(f"reading {source}", quiet=quiet):
        data = open_data(source, **read_options)
    return data, plan or options.named_model(usual_recipe(data), changes)


def where(page: Path, quiet: bool) -> str:
    """The line that leads to a study's page."""
    return str(page) if quiet else f"Next, look at it:  {page}"


def fail_if_any(failures: dict[str, str]) -> None:
    """Name the trainings that failed, and leave with 1 if there are any.

    Raises:
        typer.Exit: there are some.
    """
    for name, error in failures.items():
        complain(f"{name} failed: {error}")
    if failures:
        raise typer.Exit(1)


@contextmanager
def training(quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar while a study trains; Ctrl-C ends the command, and says that nothing is lost."""
    try:
        with counted("training", quiet=quiet) as progress:
            yield progress
    except KeyboardInterrupt:
        complain("Stopped; everything is saved. The same command goes on.")
        raise typer.Exit(INTERRUPTED) from None
