"""The command `restore`: damaged pictures and recordings repaired."""

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import options
from isthmus.cli.console import INTERRUPTED, complain, counted, say, say_json
from isthmus.cli.option_groups import ranged, switch


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus restore runs/photos-denoise noisy/ clean/`")(
        restore
    )


def restore(
    run: options.Folder,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="A picture of any size or a recording of any length, or a folder.", show_default=False
        ),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The file or folder to write.", show_default=False)],
    *,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The places to fill, in white, for a model that fills holes: a picture, or a folder with the same "
            "file names. [default: the transparent places]",
            show_default=False,
        ),
    ] = None,
    tile: Annotated[
        int, ranged(ge=32, help="The side of the tiles of a large picture, in pixels of the result.")
    ] = 256,
    overlap: Annotated[int, ranged(ge=1, help="How far neighbouring tiles overlap, in pixels.")] = 64,
    resume: Annotated[
        bool, switch("--resume", help="Keep the pictures that are there, and restore the others.")
    ] = False,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Repair pictures or sound with a model that was trained on damaged ones: denoise, fill, colour, enlarge, sharpen.

    Train the model with one of the recipes denoise, watermark, inpaint, recolour, upscale and sharpen; for sound, with
    `--recipe sound --set corruption=gaussian-noise`. Pictures and recordings keep their format. Files of a folder that
    can't be read are named and left out, and the exit code is then 1. After Ctrl-C, the same command with `--resume`
    continues.
    """
    if force and resume:
        raise typer.BadParameter(
            "--force restores all pictures again, --resume only those that are missing: give one of them"
        )
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
        complain(f"Stopped; {at[0]:,} of {at[1]:,} files are done. The same command with --resume goes on.")
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
