"""The command that puts pictures right: `restore`."""

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import options
from isthmus.cli.console import INTERRUPTED, complain, counted, say, say_json


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus restore runs/photos-denoise noisy/ clean/`")(
        restore
    )


def restore(
    run: options.Folder,
    source: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="A picture, or a folder of pictures, of any size.", show_default=False),
    ],
    target: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="Where to: a picture, or a folder.", show_default=False)
    ],
    *,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="For a model that fills holes: white where to fill; a picture, or a folder of the same names. "
            "Without it, what is transparent is filled.",
            show_default=False,
        ),
    ] = None,
    tile: Annotated[
        int, typer.Option(min=32, metavar="N", help="Sides of the tiles of a large picture, in pixels of the result.")
    ] = 256,
    overlap: Annotated[int, typer.Option(min=1, metavar="N", help="How far tiles lie over each other.")] = 64,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave the pictures that are there, restore the others.")
    ] = False,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Put pictures right, by a model that was trained on damaged ones: denoise, fill, colour, enlarge, sharpen.

    Train it with one of the recipes denoise, watermark, inpaint, recolour, upscale and sharpen. Pictures keep their
    format. What can't be read in a folder is named and left out, and the exit code is then 1. After Ctrl-C, the same
    command with --resume goes on.
    """
    if force and resume:
        raise typer.BadParameter("--force does all pictures anew, --resume only those that are missing: say one")
    found = options.open_run(run, device)
    from isthmus.uses.restore_files import restore_files

    at = (0, 0)

    def told(_: str, done: int, total: int, share: float) -> None:
        nonlocal at
        at = done, total
        progress(int(1000 * (done + share)), 1000 * total)

    try:
        with counted("restoring", quiet=quiet) as progress:
            made = restore_files(
                found,
                source,
                target,
                mask=mask,
                tile=tile,
                overlap=overlap,
                overwrite=force,
                resume=resume,
                progress=told,
            )
    except KeyboardInterrupt:
        complain(f"Stopped; {at[0]:,} of {at[1]:,} pictures are done. The same command with --resume goes on.")
        raise typer.Exit(INTERRUPTED) from None
    for reason in made.skipped.values():
        complain(reason)
    if json:
        say_json(made.to_json())
    else:
        others = {"there already": made.kept, "unreadable": made.skipped}
        counts = "".join(f", {len(some):,} {called}" for called, some in others.items() if some)
        say(f"{target}: {len(made.written):,} restored{counts}")
    if made.skipped:
        raise typer.Exit(1)
