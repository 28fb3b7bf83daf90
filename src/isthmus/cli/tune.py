"""The command that searches for a model's options: `tune`."""

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import data_options, options, parsing, training_options
from isthmus.cli.console import say, say_json, say_table
from isthmus.cli.experiments import data_and_model, fail_if_any, training, where
from isthmus.cli.option_groups import ranged, switch
from isthmus.cli.study_options import BUDGET, Study, studies
from isthmus.cli.train import stem
from isthmus.errors import BlueprintError
from isthmus.options.option import STUDY


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(
        rich_help_panel=options.MAKE,
        epilog="Examples: `isthmus tune digits --trials 50 --epochs 20 --jobs 2`; with options of your choice: "
        "`isthmus tune digits -r conv --space learning_rate --space code=8:64 --space activation=relu/silu`",
    )(tune)


@studies(*BUDGET, "seed", out="runs/SOURCE-tune", seeds=None)
@data_options.reads(*data_options.READING, "validation", "test", "scaling")
def tune(
    source: options.Source,
    recipe: options.Recipe = None,
    set_: options.Set = None,
    trials: Annotated[int, ranged("--trials", "-n", ge=1, help="Trials in all.", panel=STUDY)] = 50,
    space: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY[=RANGE]",
            help="An option that varies: `learning_rate` (by its own bounds), `code=8:64`, `weight=0.1:10:log` or "
            "`activation=relu/silu`. You may repeat it. [default: learning rate, batch size, activation, "
            "normalisation, dropout, and widths or channels]",
            show_default=False,
            rich_help_panel=STUDY,
        ),
    ] = None,
    no_pruning: Annotated[
        bool, switch("--no-pruning", help="Train every trial to the end.", rich_help_panel=STUDY)
    ] = False,
    *,
    study: Study,
    settings: training_options.Settings,
    read_options: data_options.ReadOptions,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Which options are best? Search them with Optuna for the smallest error on the validation part.

    The best run is kept in the folder's `best`, and a page shows the search. Run the same command again, also with more
    trials, and only the trials that are missing are done; a killed trial continues.
    """
    changes = parsing.settings(set_)
    from isthmus.experiments import tune as run_study
    from isthmus.experiments.table import PAGE
    from isthmus.experiments.tuning import BEST, shown

    data, plan = data_and_model(source, recipe, changes, read_options, quiet=quiet)
    study = {"out": Path("runs") / f"{stem(source)}-tune"} | study
    try:
        with training(quiet) as progress:
            found = run_study(
                data,
                plan,
                trials=trials,
                space=space,
                prune=not no_pruning,
                overwrite=force,
                progress=progress,
                **study,
                **settings,
            )
    except BlueprintError as error:
        raise typer.BadParameter(str(error)) from error
    page = study["out"] / PAGE
    if json:
        say_json({**found.to_json(), "page": str(page), "run": str(found.folder / BEST)})
    else:
        rows = [[name, shown(value)] for name, value in found.best.items()]
        say_table(["", found.candidate], rows, title=f"{found.folder}, best options")
        say(found.verdict, found.explanation, where(page, quiet))
        if not quiet:
            say(f"Or use the best run:  isthmus report {found.folder / BEST}")
    fail_if_any(found.failures)
