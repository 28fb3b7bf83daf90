"""The command `traverse`: what each latent dimension does."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from isthmus.cli import data_options, options, parsing
from isthmus.cli.console import number, say, say_json, say_table, working
from isthmus.cli.option_groups import ranged


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(rich_help_panel=options.LOOK, epilog="Example: `isthmus traverse runs/digits test:3 --most 10`")(
        traverse
    )


@data_options.reads(*data_options.READING)
def traverse(
    run: options.Folder,
    sample: Annotated[
        str | None,
        typer.Argument(
            metavar="SAMPLE",
            help="The sample to start from: `test:3` or `3` counts in the run's test part, from 0; or a file that "
            "holds one sample. [default: the first of the test part]",
            show_default=False,
        ),
    ] = None,
    *,
    read_options: data_options.ReadOptions,
    steps: Annotated[int, ranged(ge=2, le=options.MOST_STEPS, help="Positions of each latent dimension.")] = 7,
    most: Annotated[int, ranged(ge=1, help="Show this many dimensions, the most important first.")] = 16,
    numbers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBERS",
            callback=parsing.names,
            help="Show these dimensions instead: `0,3`, counted from 0 in the flat code.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        Literal["change", "kl"],
        typer.Option(
            metavar="change|kl", help="Order the dimensions by the change of the output, or by their KL divergence."
        ),
    ] = "change",
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The `.png` to write. [default: traverse.png in RUN]", show_default=False),
    ] = None,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Change one latent dimension at a time, with the others fixed, and show what each does.

    Each dimension moves over its range in the training data. The dimensions that change the output most come first.
    """
    target = parsing.ending(out or run / "traverse.png", ".png")
    chosen = None if numbers is None else [parsing.whole(word) for word in numbers]
    found = options.open_run(run, device)
    options.make_way(target, force=force)
    from isthmus.drawing.theme import write_png
    from isthmus.uses.traverse import traverse as use

    with working("traversing", quiet=quiet):
        made = use(found, sample, steps=steps, most=most, numbers=chosen, by=by, **read_options)
        write_png(target, made.draw())
    if json:
        say_json(made.to_json() | {"files": [str(target)]})
        return
    if not quiet:
        with_kl = made.moves[0].kl is not None
        head = ["number", "from", "to", "change", *(["KL, nats"] if with_kl else []), "what it does"]
        rows = [
            [
                str(move.number),
                *map(number, (float(move.values[0]), float(move.values[-1]), move.change)),
                *([number(move.kl)] if with_kl else []),
                move.effect.words,
            ]
            for move in made.moves
        ]
        say_table(head, rows)
        if (left := made.size - len(made.moves)) and numbers is None:
            say(f"{left} more of {made.size} numbers matter less: --most {made.size} shows all.")
        if made.idle:
            say(f"{len(made.idle)} of {made.size} numbers change next to nothing.")
    say(str(target))
