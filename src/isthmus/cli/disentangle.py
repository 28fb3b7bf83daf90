"""The command `disentangle`: whether each latent dimension follows one factor of the data."""

from typing import Annotated, Literal

import typer

from isthmus.cli import data_options, options
from isthmus.cli.console import say, say_json, say_table, working
from isthmus.cli.option_groups import ranged
from isthmus.cli.wording import in_our_words


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(rich_help_panel=options.LOOK, epilog="Example: `isthmus disentangle runs/sprites`")(disentangle)


@data_options.reads(*data_options.READING, "part")
def disentangle(
    run: options.Folder,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="Samples with known factors: `sprites`, or an .npz with an array `factors`, (N, K). [default: the "
            "data of the run]",
            show_default=False,
        ),
    ] = None,
    *,
    read_options: data_options.ReadOptions,
    most: Annotated[int, ranged(ge=10, help="Samples to measure, at most, evenly spread.")] = 5000,
    predictor: Annotated[
        Literal["forest", "boosting"],
        typer.Option(
            metavar="METHOD",
            help="How DCI predicts the factors: forest, or boosting, which takes a hundred times as long and is usual "
            "in published tables.",
        ),
    ] = "forest",
    resamples: Annotated[int, ranged(ge=0, help="Samples of the bootstrap for the intervals; 0 for none.")] = 20,
    seed: Annotated[int, ranged(ge=0, lt=2**32, help="The seed of all draws.")] = 0,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Measure how well each latent dimension follows one of the factors that the data were made from.

    Shown are MIG, DCI, SAP, the FactorVAE and β-VAE scores and modularity, each with an interval, and how much each
    latent dimension counts for each factor. All measures are 1 at best.
    """
    if source is None and (alone := [name for name in read_options if name != "part"]):
        given = ", ".join(in_our_words(f"{name}=") for name in alone)
        raise typer.BadParameter(f"{given} without SOURCE: expected the data that are to be read so")
    found = options.open_run(run, device)
    from isthmus.uses.disentangle import disentangle as use

    with working("measuring", quiet=quiet):
        made = use(found, source, most=most, predictor=predictor, resamples=resamples, seed=seed, **read_options)
    if json:
        say_json(made.to_json())
        return
    for table in made.tables():
        say_table(table.head, table.rows, right=True)
        if table.caption and not quiet:
            say(table.caption)
