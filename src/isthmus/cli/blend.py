"""The command `blend`: from one sample to another."""

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import data_options, options, parsing
from isthmus.cli.console import number, say, say_json, say_table, working
from isthmus.cli.option_groups import ranged
from isthmus.errors import DataError

FRAMES = 25
"""Of the animation, from one sample to the next."""


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(
        rich_help_panel=options.USE,
        epilog="Example: `isthmus blend runs/digits test:3 test:8 --steps 9 --out three-to-eight.gif`",
    )(blend)


@data_options.reads(*data_options.READING)
def blend(
    run: options.Folder,
    samples: Annotated[
        list[str],
        typer.Argument(
            metavar="A B …",
            help="Two samples, or more to pass through: `test:3` or `3` counts in the run's test part, from 0; or a "
            "file that holds one sample, or `file.npy:3`.",
            show_default=False,
        ),
    ],
    *,
    read_options: data_options.ReadOptions,
    steps: Annotated[
        int, ranged(ge=2, le=options.MOST_STEPS, help="Steps from one sample to the next, both included.")
    ] = 7,
    ways: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WAYS",
            callback=parsing.names,
            help="How to blend: content mixes the samples themselves; linear and spherical mix their codes. [default: "
            "all three]",
            show_default=False,
        ),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            help="The label to decode with, for a model that is conditioned on labels.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="The file to write: a strip, `.png`, an animation, `.gif`, or the samples of one of the ways, in any "
            "format of `decode`. You may repeat it. [default: blend.png in RUN, and blend.gif, but not for text]",
            show_default=False,
        ),
    ] = None,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Blend one sample into another, by mixing their values and by mixing their codes.

    Codes are mixed along a straight line and along a sphere. The table shows how far each blend is from the nearest
    training sample: a blend that looks like the data is close to one.
    """
    if len(samples) < 2:
        raise typer.BadParameter(f"{samples[0]} alone: expected two samples or more, as in test:3 test:8")
    found = options.open_run(run, device)
    tokens = found.description.get("kind") == "tokens"
    targets = out or [run / "blend.png", *([] if tokens else [run / "blend.gif"])]
    options.make_way(*targets, force=force)
    from isthmus.drawing.theme import write_png
    from isthmus.uses import blend as use

    try:
        chosen = use.known_ways(ways)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error
    words = {"ways": chosen, "condition": condition, **read_options}
    with working("blending", quiet=quiet):
        made = use.blend(found, *samples, steps=steps, **words)
        for target in targets:
            if target.suffix == ".png":
                write_png(target, made.draw())
            elif target.suffix == ".gif":
                use.blend(found, *samples, steps=FRAMES, compare=0, **words).animate(target)
            elif len(chosen) != 1:
                raise DataError(f"{target} holds samples of one way: say which of {', '.join(chosen)} (--ways).")
            else:
                from isthmus.data import write_samples

                write_samples(target, made.samples[chosen[0]], like=found.description, overwrite=force)
    if json:
        say_json(made.to_json() | {"files": list(map(str, targets))})
        return
    if made.distances and not quiet:
        ways_told = made.to_json()["ways"].items()
        rows = [(use.TITLES[way], number(row["distance_between"])) for way, row in ways_told]
        say_table(("way", "from the nearest training sample"), rows, right=True)
    if tokens and not quiet and made.look.medium is not None:
        for way, values in made.samples.items():
            say(f"{use.TITLES[way]}:", *(f"  {text}" for text in made.look.medium.words(values)))
    say(*map(str, targets))
