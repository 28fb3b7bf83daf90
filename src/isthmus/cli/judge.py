"""Commands that judge a run: `evaluate`, `report`."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import data_options, options, parsing
from isthmus.cli.console import counted, figures, say, say_json, say_table, tell_skipped, working


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command(rich_help_panel=options.LOOK, epilog="Example: `isthmus evaluate runs/digits --json`")(evaluate)
    app.command(rich_help_panel=options.LOOK, epilog="Example: `isthmus report runs/digits --open`")(report)


@data_options.reads(*data_options.READING, "part")
def evaluate(
    run: options.Folder,
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="Other data than those of the training.", show_default=False)
    ] = None,
    *,
    read_options: data_options.ReadOptions,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Measure how well a run reconstructs, beside the mean and PCA with as many numbers (bits, of a quantised code)."""
    if read_options and source is None:
        raise typer.BadParameter(
            f"{', '.join(read_options)}: how to read other data than the training's; name them as SOURCE"
        )
    loaded = options.open_run(run, device)
    with counted("evaluating", quiet=quiet) as progress:
        found = loaded.evaluation(source, progress=progress, **read_options)
    if json:
        say_json(found.to_json())
    else:
        for part, measures in found.measures.items():
            say_table(*figures(measures), title=part, right=True)
    tell_skipped(found)


def report(
    run: options.Folder,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH", help="Where to; report.html in the run's folder by default.", show_default=False
        ),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Show it in the browser, where there is a desktop.")
    ] = False,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write one HTML page: loss curves, reconstructions, best and worst samples, errors, the map of the code.

    The run's own page is written anew each time; what is at another PATH is overwritten only with --force.
    """
    if path is not None:
        parsing.ending(path, ".html", ".htm", called="PATH")
    found = options.open_run(run, device)
    if path is not None and path.resolve() != (run / "report.html").resolve():
        options.make_way(path, force=force)
    with working("writing the report", quiet=quiet):
        page = found.report(path)
    say(str(page))
    if open_page and _desktop():
        webbrowser.open(page.resolve().as_uri())


def _desktop() -> bool:
    """Whether there is a screen on which a browser could open a page."""
    if sys.platform in ("darwin", "win32"):
        return not os.environ.get("SSH_CONNECTION")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
