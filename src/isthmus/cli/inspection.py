"""The command `inspect`: what a source holds and how it would be read."""

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import data_options, options, parsing
from isthmus.cli.console import say, say_json, say_table, working


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(
        "inspect", rich_help_panel=options.LOOK, epilog="Example: `isthmus inspect people.csv --page people.html`"
    )(inspect_source)


@data_options.reads(*data_options.READING)
def inspect_source(
    source: options.Source,
    *,
    read_options: data_options.ReadOptions,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="HTML",
            help="Write a page with the distribution of every column.",
            show_default=False,
        ),
    ] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Show what SOURCE holds and how it would be read, without training anything.

    For a table, every column comes with what it holds, its missing and different values, its range, and the numbers
    that a model would get of it, or the reason why it is left out. Where that is wrong, correct it with the same
    options that `isthmus train` takes, such as `--types` and `--na-values`.
    """
    if page is not None:
        parsing.ending(page, ".html", called="--page")
        options.make_way(page, force=force, source=source)
    from isthmus.inspection import inspect

    with working(f"reading {source}", quiet=quiet):
        found = inspect(source, **read_options)
    if page is not None:
        found.page(page)
    if json:
        say_json(found.to_json())
        return
    say(f"{found.source}:")
    say_table(("", ""), list(found.facts.items()))
    head, rows = found.rows()
    if rows:
        say_table(head, rows)
    if page is not None:
        say(str(page))
