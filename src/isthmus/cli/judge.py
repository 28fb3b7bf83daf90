"""Commands that show how good a run is: `evaluate`, `report`."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import data_options, options, parsing
from isthmus.cli.console import counted, figures, say, say_json, say_table, tell_skipped, working
from isthmus.cli.option_groups import switch
from isthmus.cli.wording import in_our_words


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command(rich_help_panel=options.LOOK, epilog="Example: `isthmus evaluate runs/digits --json`")(evaluate)
    app.command(rich_help_panel=options.LOOK, epilog="Example: `isthmus report runs/digits --open`")(report)


@data_options.reads(*data_options.READING, "part")
def evaluate(
    run: options.Folder,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="The data to evaluate on. [default: the parts that the run was trained with]",
            show_default=False,
        ),
    ] = None,
    *,
    read_options: data_options.ReadOptions,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Measure how well a run reconstructs, compared with the mean and with PCA.

    PCA has as many components as the code has numbers; for a quantised code, as many bits.
    """
    if read_options and source is None:
        given = ", ".join(in_our_words(f"{name}=") for name in read_options)
        raise typer.BadParameter(f"{given} without SOURCE: expected the data that are to be read so")
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
            metavar="PATH", help="The file to write. [default: report.html in the run's folder]", show_default=False
        ),
    ] = None,
    open_page: Annotated[bool, switch("--open", help="Open the page in the browser, if there is a desktop.")] = False,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write an HTML page: loss curves, reconstructions, best and worst samples, errors, a map of the codes.

    The run's own page is replaced each time. A file at another PATH is replaced only with `--force`.
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
