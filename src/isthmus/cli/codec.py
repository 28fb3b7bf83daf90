"""The commands `compress`, `decompress` and `codec-info`."""

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import data_options, options
from isthmus.cli.console import counted, say, say_json
from isthmus.cli.option_groups import ranged, switch
from isthmus.errors import DataError

Jobs = Annotated[int, ranged(ge=1, help="Blocks that are coded at the same time.")]
Compressed = Annotated[
    Path, typer.Argument(metavar="FILE.isth", help="A file that `isthmus compress` wrote.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus compress runs/digits digits digits.isth`")(
        compress
    )
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus decompress digits.isth digits.npy`")(decompress)
    app.command(name="codec-info", rich_help_panel=options.LOOK, epilog="Example: `isthmus codec-info digits.isth`")(
        codec_info
    )


@data_options.reads(*data_options.READING, "part")
def compress(
    run: options.Folder,
    source: options.Source,
    target: Annotated[Path, typer.Argument(metavar="OUTPUT.isth", help="The file to write.", show_default=False)],
    *,
    read_options: data_options.ReadOptions,
    lossless: Annotated[bool, switch("--lossless", help="Lose nothing. This is the default.")] = False,
    max_error: Annotated[
        float | None,
        ranged(kind=float, gt=0, metavar="E", help="No number is off by more than this, in the data's units."),
    ] = None,
    quality: Annotated[
        float | None,
        ranged(
            kind=float,
            ge=0,
            le=100,
            metavar="0-100",
            help="Keep the code alone, and round it. At 50, this adds as much error as the reconstruction has anyway; "
            "at 75, a tenth of it.",
        ),
    ] = None,
    bits_per_pixel: Annotated[
        float | None,
        ranged(kind=float, gt=0, le=64, metavar="B", help="Keep the code alone, in about B bits for each pixel."),
    ] = None,
    rows: Annotated[int | None, ranged(ge=1, help="Samples in a block. By default, a block has 2²¹ numbers.")] = None,
    jobs: Jobs = 1,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Write a page, too: bytes beside other formats, rate and error, and where the bits go.",
            show_default=False,
        ),
    ] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Compress every sample of SOURCE into one file, with any model that can decode its code.

    Nothing is lost, unless you say how much may be. A model with a likelihood (recipe `vae`, `conv-vae`, `ladder-vae`)
    codes at the rate of its negative ELBO. To decompress, you need the run's folder too.
    """
    amounts = {"--lossless": lossless or None, "--max-error": max_error, "--quality": quality}
    given = [flag for flag, value in {**amounts, "--bits-per-pixel": bits_per_pixel}.items() if value is not None]
    if len(given) > 1:
        raise typer.BadParameter(f"{given[0]} and {given[1]} exclude each other: give one of them")
    if target.exists() and not force:
        raise DataError(f"{target} exists already: expected a new file. Choose another, or give --force.")
    found = options.open_run(run)
    from isthmus.codec import compress as compress_source

    with counted("compressing", quiet=quiet) as progress:
        made = compress_source(
            found,
            source,
            target,
            lossless=lossless,
            max_error=max_error,
            quality=quality,
            bits_per_pixel=bits_per_pixel,
            rows=rows,
            jobs=jobs,
            overwrite=force,
            report=report,
            progress=progress,
            **read_options,
        )
    if json:
        say_json(made.to_json())
        return
    say(
        f"{made.path}: {made.samples:,} samples in {made.bytes:,} bytes, {made.bits_per_dimension:.4g} bits for a "
        f"number, {made.plain / made.bytes:.1f} times smaller"
    )
    if made.elbo is not None and not quiet:
        say(f"The model's negative ELBO is {made.elbo:.4g} bits for a number.")


def decompress(
    source: Compressed,
    target: options.Target,
    *,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="The run that the file was compressed with. [default: the folder that the file names]",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="These samples only, counted from 0: 100:200.", show_default=False),
    ] = None,
    jobs: Jobs = 1,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the samples of a compressed file, in the format of TARGET's suffix."""
    options.make_way(target, force=force, source=str(source))
    wanted = None if rows is None else _slice(rows)
    found = None if run is None else options.open_run(run)
    from isthmus.codec import decompress as decompress_file

    with counted("decompressing", quiet=quiet) as progress:
        decompress_file(source, target, run=found, rows=wanted, jobs=jobs, overwrite=force, progress=progress)
    say(str(target))


def codec_info(source: Compressed, *, json: options.Json = False) -> None:
    """Show what a compressed file holds, and which run it needs. The run isn't loaded."""
    from isthmus.codec import codec_info as info

    found = info(source)
    if json:
        say_json(found)
        return
    model = found.get("model", {})
    say(
        f"{found['path']}: {found['samples']:,} samples ({found.get('kind')}, {found.get('dtype')}), "
        f"{found['bytes']:,} bytes, {found['blocks']:,} block{'s' * (found['blocks'] != 1)}",
        f"run: {model.get('name') or 'in memory'}, fingerprint {model.get('fingerprint')}",
    )


def _slice(text: str) -> slice:
    """100:200 as a slice."""
    begin, _, end = text.partition(":")
    try:
        if ":" in text:
            return slice(int(begin) if begin else None, int(end) if end else None)
        return slice(int(begin), int(begin) + 1)
    except ValueError:
        raise typer.BadParameter(f"--rows is {text!r}: expected two numbers, as in 100:200") from None
