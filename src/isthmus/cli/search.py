"""The command `search`: the samples whose codes are nearest to those of others."""

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import data_options, options, parsing
from isthmus.cli.console import counted, number, say, say_json, say_table
from isthmus.cli.option_groups import ranged

SHOWN = 100
"""Matches that are printed."""


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(
        rich_help_panel=options.USE,
        epilog="Example: `isthmus search runs/digits test:7 -k 5 --index codes.safetensors`",
    )(search)


@data_options.reads(*data_options.READING)
def search(
    run: options.Folder,
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY",
            help="The samples to compare with: a file or any other source, or a sample by its number, such as `test:7` "
            "or `photos.zip:3`, counted from 0.",
            show_default=False,
        ),
    ],
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="Where to search: any source, or `train`, `validation` or `test`. [default: the run's training part]",
            show_default=False,
        ),
    ] = None,
    *,
    read_options: data_options.ReadOptions,
    k: Annotated[int, ranged("--k", "-k", ge=1, help="How many samples to find for each query.")] = 10,
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A .safetensors file that keeps the codes of SOURCE. If it exists, it is used and SOURCE isn't read; "
            "otherwise it is written. `--force` writes it anew.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="Write the matches: .csv, .tsv or .parquet.", show_default=False),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG", help="Draw the first queries, and next to each its nearest samples.", show_default=False
        ),
    ] = None,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Find the samples of SOURCE that are most similar to those of QUERY, by their codes.

    Codes of bits (recipes `hashing` and `lfq`) are compared by the number of bits in which they differ: a million codes
    in a few milliseconds. Other codes are compared by their Euclidean distance.
    """
    if index is not None:
        parsing.ending(index, ".safetensors", called="--index")
    if out is not None:
        parsing.ending(out, ".csv", ".tsv", ".parquet", called="--out")
    if picture is not None:
        parsing.ending(picture, ".png", called="--picture")
    found = options.open_run(run, device)
    options.make_way(*filter(None, (out, picture)), force=force, source=query)
    from isthmus.uses.search import search as use

    with counted("encoding", quiet=quiet) as progress:
        made = use(found, query, source, k=k, index=index, overwrite=force, progress=progress, **read_options)
    columns = made.table()
    if out is not None:
        import pyarrow as pa

        from isthmus.data.write import write_rows

        write_rows(out, pa.table(columns), overwrite=force)
    if picture is not None:
        from isthmus.drawing.theme import write_png

        write_png(picture, made.draw())
    if json:
        say_json(made.to_json())
        return
    if out is None and not quiet:
        rows = [
            [value if isinstance(value, str) else number(value) for value in row]
            for row in zip(*columns.values(), strict=True)
        ]
        say_table(list(columns), rows[:SHOWN], title=f"The nearest of {made.source}")
        if len(rows) > SHOWN:
            say(f"{len(rows) - SHOWN:,} more; write all of them with --out.")
    say(*(str(path) for path in (out, picture) if path is not None))
