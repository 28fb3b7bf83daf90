"""Commands that use a run: `reconstruct`, `encode`, `decode`."""

import contextlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import data_options, options
from isthmus.cli.console import counted, say, tell_skipped, working
from isthmus.cli.option_groups import ranged, switch
from isthmus.errors import DataError, nearest

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.data import Samples
    from isthmus.data.stream import Stream
    from isthmus.run import Run


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus reconstruct runs/digits digits rebuilt.zip`")(
        reconstruct
    )
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus encode runs/digits digits codes.parquet`")(
        encode
    )
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus decode runs/digits codes.parquet pictures.zip`")(
        decode
    )


@data_options.reads(*data_options.READING, "part")
def reconstruct(
    run: options.Folder,
    source: options.Source,
    target: options.Target,
    *,
    read_options: data_options.ReadOptions,
    fill: Annotated[bool, switch("--fill", help="Keep the observed values, and fill in the missing ones.")] = False,
    draws: Annotated[
        int | None,
        ranged(
            help="With --fill, for tables: write this many files, TARGET-1, TARGET-2, …, in which missing values are "
            "drawn from their distributions. [default: one file with the best guesses]",
            ge=1,
        ),
    ] = None,
    seed: Annotated[int, ranged(help="The seed of the draws.", ge=0, lt=2**63 - 1)] = 0,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Encode and decode every sample of SOURCE, and write the reconstructions.

    Pictures stay pictures. Recordings keep their rows and time stamps; steps that no window contains are empty. A model
    of patches takes whole pictures of any size, in overlapping tiles.
    """
    if draws is not None and not fill:
        raise typer.BadParameter("--draws draws missing values: give --fill with it")
    found = options.open_run(run, device)
    if draws is not None:
        _write_draws(found, source, target, draws, seed, read_options, force=force, quiet=quiet)
        return
    options.make_way(target, force=force, source=source)
    use, what = (found.fill, "filling") if fill else (found.reconstruct, "reconstructing")
    with working(f"reading {source}", quiet=quiet):
        timewise = found.recordings(source, **read_options)
    if timewise is not None:
        from isthmus.data.write import write_rows

        with working(f"{what} {source}", quiet=quiet):
            made = use(timewise).double().numpy().reshape(timewise.rows, -1)
            write_rows(target, timewise.table(made), overwrite=force)
        say(str(target))
        return
    pieces = stream(found, source, read_options, quiet, whole=not fill)
    write_each(target, pieces, use, what, like=found.description, force=force, quiet=quiet)


@data_options.reads(*data_options.READING, "part")
def encode(
    run: options.Folder,
    source: options.Source,
    target: options.Target,
    *,
    read_options: data_options.ReadOptions,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the code of every sample of SOURCE, one per row.

    A model of patches writes a code for each of the tiles that cover a picture. Each row is named after the picture and
    the row and column of the tile's first pixel: photo@32,0.png.
    """
    found = options.open_run(run, device)
    options.make_way(target, force=force, source=source)
    write_each(target, stream(found, source, read_options, quiet), found.encode, "encoding", force=force, quiet=quiet)


@data_options.reads("label", "array", "columns", "exclude", "header", "delimiter", "missing", "memory_map", "max_bytes")
def decode(
    run: options.Folder,
    source: options.Source,
    target: options.Target,
    *,
    read_options: data_options.ReadOptions,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Decode codes, as `encode` writes them; with `--label`, for a model that is conditioned on labels."""
    found = options.open_run(run, device)
    options.make_way(target, force=force, source=source)

    def use(codes: "Samples") -> "Tensor":
        _check_codes(found, codes, source)
        return found.decode(codes.tensor(), _labelled_as_learnt(found, codes).labels)

    with working(f"reading {source}", quiet=quiet):
        codes = _codes(found, source, read_options)
    write_each(target, codes, use, "decoding", like=found.description, force=force, quiet=quiet)


def _write_draws(
    run: "Run",
    source: str,
    target: Path,
    count: int,
    seed: int,
    read_options: data_options.ReadOptions,
    *,
    force: bool,
    quiet: bool,
) -> None:
    """Write `count` filled tables, whose missing values are drawn, next to each other."""
    from isthmus.data import open_writer
    from isthmus.seeds import seeded

    targets = [target.with_name(f"{target.stem}-{number}{target.suffix}") for number in range(1, count + 1)]
    options.make_way(*targets, force=force, source=source)
    generator, done = seeded(seed), 0
    pieces = stream(run, source, read_options, quiet)
    with counted("filling", quiet=quiet) as progress, contextlib.ExitStack() as stack:
        puts = [
            stack.enter_context(open_writer(one, like=run.description, count=pieces.count, overwrite=force))
            for one in targets
        ]
        for piece in pieces:
            for put, made in zip(puts, run.fill(piece, draws=count, seed=generator), strict=True):
                put(made, piece.names, piece.unused)
            done += len(piece)
            progress(done, pieces.count)
    for one in targets:
        say(str(one))
    tell_skipped(pieces)


def stream(
    run: "Run", source: str, read_options: data_options.ReadOptions, quiet: bool, *, whole: bool = False
) -> "Stream":
    """The samples of `source`, as the run's model takes them, a piece at a time.

    whole: of a model of patches whole pictures, not the tiles that cover them.
    """
    with working(f"reading {source}", quiet=quiet):
        return run.pictures(source, **read_options) if whole else run.stream(source, **read_options)


def write_each(
    target: Path,
    stream: "Stream",
    use: Callable[["Samples"], "Tensor"],
    what: str,
    *,
    like: dict[str, Any] | None = None,
    force: bool,
    quiet: bool,
) -> None:
    """Write what `use` makes of each piece, say where it is, and which pictures were left out."""
    from isthmus.data import open_writer

    with (
        counted(what, quiet=quiet) as progress,
        open_writer(target, like=like, count=stream.count, overwrite=force) as put,
    ):
        done = 0
        for piece, made in stream.through(use):
            put(made, piece.names, piece.unused)
            done += len(piece)
            progress(done, stream.count)
    say(str(target))
    tell_skipped(stream)


def _codes(run: "Run", source: str, read_options: data_options.ReadOptions) -> "Stream":
    """The codes in a source: of a table with the columns z0, z1, … these, otherwise all columns."""
    from isthmus.data import stream_samples

    as_it_is: data_options.ReadOptions = {
        "channels": "first",
        "missing": "keep",
    }  # `_check_codes` says what are no codes
    names = [f"z{place}" for place in range(math.prod(run.model.code_shape))]
    if not {"columns", "exclude"} & read_options.keys():
        try:
            words: data_options.ReadOptions = as_it_is | {"columns": names} | read_options
            named = stream_samples(source, **words)
            next(iter(named), None)
            return named
        except DataError:  # it has no such columns
            pass
    return stream_samples(source, **as_it_is | read_options)


def _check_codes(run: "Run", codes: "Samples", source: str) -> None:
    """Raise DataError where codes lack numbers, or have columns of text, which come as categories."""
    from isthmus.data.missing import check_finite

    text = [name for name, names in zip(codes.columns, codes.categories, strict=False) if names]
    if text:
        raise DataError(
            f"{source} has columns of text ({', '.join(text)}): expected codes, rows of "
            f"{math.prod(run.model.code_shape)} numbers as `isthmus encode` writes them. Give such, leave these "
            f"columns out (exclude={','.join(text)!r}), or name one as label=."
        )
    check_finite(codes, source)


def _labelled_as_learnt(run: "Run", codes: "Samples") -> "Samples":
    """Codes whose labels have the numbers that they had in training.

    Raises:
        DataError: a label was not among those of the training.
    """
    import torch

    known: list[str] = run.description.get("label_names") or []
    if codes.labels is None or not run.model.conditioning.classes:
        return codes
    for name in codes.label_names:
        if name not in known:
            raise DataError(f"The model knows no label {name!r}. {nearest(name, known)}")
    numbers = torch.tensor([known.index(name) for name in codes.label_names])
    return replace(codes, labels=numbers[codes.labels], label_names=tuple(known))
