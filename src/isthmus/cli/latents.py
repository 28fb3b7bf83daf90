"""The command `latents`: how often each latent dimension is active, and the samples that activate it most."""

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import data_options, options, parsing
from isthmus.cli.console import say, say_json, say_table, working
from isthmus.cli.option_groups import ranged


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(
        "latents", rich_help_panel=options.LOOK, epilog="Example: `isthmus latents runs/dictionary --page latents.html`"
    )(show_latents)


@data_options.reads(*data_options.READING, "part")
def show_latents(
    run: options.Folder,
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="The data to encode: a part of the run's data, or a source of your own."),
    ] = "test",
    *,
    read_options: data_options.ReadOptions,
    top: Annotated[int, ranged(ge=1, help="Samples for each latent dimension.")] = 10,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="HTML",
            help="Write a page with the densities and the samples that activate each latent dimension most.",
            show_default=False,
        ),
    ] = None,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Show how many latent dimensions of RUN are active for each sample, how many are dead, and what activates them.

    Meant for sparse codes, such as those of `topk` and `batch-topk`, whose inactive dimensions are exactly 0.
    """
    if page is not None:
        parsing.ending(page, ".html", called="--page")
    found = options.open_run(run, device)
    if page is not None:
        options.make_way(page, force=force)
    from isthmus.uses.latents import latents

    with working("encoding", quiet=quiet):
        made = latents(found, source, top=top, **read_options)
        if page is not None:
            made.page(page)
    if json:
        say_json(made.to_json())
        return
    if not quiet:
        say_table(("", ""), list(made.facts().items()))
    if page is not None:
        say(str(page))
