"""The command `drift`: whether new data still look like those of the training."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isthmus.cli import data_options, options
from isthmus.cli.console import DRIFTED, say, say_json, say_table, tell_skipped, working
from isthmus.cli.option_groups import ranged
from isthmus.cli.wording import in_our_words

if TYPE_CHECKING:
    from isthmus.uses.drift_result import Drift

MOST_LISTED = 20
"""Changed checks that are listed; the page and the JSON file have all."""


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus drift runs/people new.csv --out drift/today`")(
        drift
    )


@data_options.reads(*data_options.READING, "part")
def drift(
    run: options.Folder,
    source: options.Source,
    *,
    read_options: data_options.ReadOptions,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Write a page with pictures, drift.html, and all numbers, drift.json, into this folder.",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="The data to compare with. [default: the run's own data]",
            show_default=False,
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A column that is not compared, such as a date that only moves on. You may repeat it.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        options.Score,
        typer.Option(metavar="SCORE", help="The anomaly score, as for `isthmus detect`."),
    ] = "auto",
    quantile: Annotated[
        float,
        ranged(
            kind=float,
            metavar="X",
            gt=0,
            lt=1,
            help="The share of the run's own samples whose score lies below the threshold.",
        ),
    ] = 0.99,
    level: Annotated[
        float,
        ranged(
            kind=float,
            metavar="X",
            gt=0,
            lt=1,
            help="The share of unchanged sources that may raise a false alarm, whatever the number of columns.",
        ),
    ] = 0.01,
    distance: Annotated[
        float,
        ranged(
            kind=float,
            metavar="X",
            gt=0,
            lt=1,
            help="The least distance between two distributions that matters: 0 for equal ones, 1 for ones that do not "
            "overlap.",
        ),
    ] = 0.1,
    share: Annotated[
        float,
        ranged(
            kind=float,
            metavar="X",
            gt=0,
            lt=1,
            help="The least change that matters in the share of anomalous rows, missing cells or unknown categories.",
        ),
    ] = 0.02,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Find out whether SOURCE still looks like the data that the model was trained on.

    Compared are the share of anomalous rows, the anomaly scores, the reconstruction errors, each latent dimension, and
    for tables each column: its values, its missing cells and its unknown categories. A change counts if chance alone
    is unlikely and if the change is large enough to matter.

    The exit code is 0 if nothing has changed, and 3 if something has, so that a script or cron can raise an alarm.
    """
    loaded = options.open_run(run, device)
    files = [] if out is None else [out / "drift.html", out / "drift.json"]
    options.make_way(*files, force=force, source=source)
    from isthmus.storage.files import write_json
    from isthmus.uses.drift import drift as use

    with working(f"comparing {source}", quiet=quiet):
        found = use(
            loaded,
            source,
            by,
            reference=reference,
            ignore=ignore or (),
            level=level,
            distance=distance,
            share=share,
            quantile=quantile,
            **read_options,
        )
    if files:
        found.page(files[0])
        write_json(files[1], found.to_json())
    if json:
        say_json(found.to_json())
    else:
        _tell(found, advice=not quiet)
        say(*map(str, files))
    if not found.drifted:
        tell_skipped(found)
        return
    with contextlib.suppress(typer.Exit):  # the drift is the more important news
        tell_skipped(found)
    raise typer.Exit(DRIFTED)


def _tell(found: "Drift", *, advice: bool) -> None:
    """The verdict, the share of anomalous rows, the changed checks, and what to do."""
    from isthmus.uses.drift_result import HEAD

    say(found.verdict, found.explanation)
    if rows := found.table(found.changed[:MOST_LISTED]):
        say_table(HEAD, rows)
    if (more := len(found.changed) - MOST_LISTED) > 0:
        say(f"{more:,} more have changed.")
    if advice:
        say(*map(in_our_words, found.notes), *([f"Next: {found.advice}"] if found.drifted else []))
