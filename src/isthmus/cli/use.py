"""Commands that use a run: `reconstruct`, `encode`, `decode`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli import options, reading
from isthmus.cli.says import counted, say, working
from isthmus.errors import DataError, nearest

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.data import Samples
    from isthmus.run import Run

BATCH = 1024


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command(epilog="Example: `isthmus reconstruct runs/digits digits rebuilt.zip`")(reconstruct)
    app.command(epilog="Example: `isthmus encode runs/digits digits codes.parquet`")(encode)
    app.command(epilog="Example: `isthmus decode runs/digits codes.parquet pictures.zip`")(decode)


@reading.reads(*reading.READING, "part")
def reconstruct(
    run: options.Folder,
    source: options.Source,
    target: options.Target,
    *,
    how: reading.How,
    fill: Annotated[bool, typer.Option("--fill", help="Keep what is known, and fill in only what is missing.")] = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Pass every sample of SOURCE through the code and back; pictures come back as pictures."""
    options.refuse_taken(target, force)
    found = options.open_run(run)
    samples = _samples(found, source, how, quiet)
    use, what = (found.fill, "filling") if fill else (found.reconstruct, "reconstructing")
    rebuilt = _each_batch(samples, use, what, quiet)
    _write(target, rebuilt, like=found.description, names=samples.names, force=force)


@reading.reads(*reading.READING, "part")
def encode(
    run: options.Folder,
    source: options.Source,
    target: options.Target,
    *,
    how: reading.How,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the code of every sample of SOURCE, one row each."""
    options.refuse_taken(target, force)
    found = options.open_run(run)
    samples = _samples(found, source, how, quiet)
    codes = _each_batch(samples, found.encode, "encoding", quiet)
    _write(target, codes, names=samples.names, force=force)


@reading.reads("label", "array", "columns", "exclude", "header", "delimiter", "missing", "memory_map", "max_bytes")
def decode(
    run: options.Folder,
    source: options.Source,
    target: options.Target,
    *,
    how: reading.How,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Turn codes, as `encode` writes them, back into data; with --label, where the model wants to know labels."""
    options.refuse_taken(target, force)
    from isthmus.data import read_samples

    found = options.open_run(run)
    codes = read_samples(source, channels="first", **how)
    codes = _labelled_as_learnt(found, codes)
    decoded = _each_batch(codes, lambda part: found.decode(part.tensor(), part.labels), "decoding", quiet)
    _write(target, decoded, like=found.description, names=codes.names, force=force)


def _samples(run: "Run", source: str, how: reading.How, quiet: bool) -> "Samples":
    """The samples of `source`, as the run's model takes them."""
    with working(f"reading {source}", quiet=quiet):
        return run.read(source, **how)


def _each_batch(samples: "Samples", use: Callable[["Samples"], "Tensor"], what: str, quiet: bool) -> "Tensor":
    """What `use` makes of all samples, a batch at a time."""
    import torch

    made = []
    with counted(what, quiet=quiet) as progress:
        for rows in torch.arange(len(samples)).split(BATCH):
            made.append(use(samples.take(rows)).cpu())
            progress(int(rows[-1]) + 1, len(samples))
    return torch.cat(made)


def _labelled_as_learnt(run: "Run", codes: "Samples") -> "Samples":
    """Codes whose labels have the numbers that they had in training.

    Raises:
        DataError: a label was not among those of the training.
    """
    import torch

    known: list[str] = run.description.get("label_names") or []
    if codes.labels is None or not run.model.beside.classes:
        return codes
    for name in codes.label_names:
        if name not in known:
            raise DataError(f"The model knows no label {name!r}. {nearest(name, known)}")
    numbers = torch.tensor([known.index(name) for name in codes.label_names])
    return replace(codes, labels=numbers[codes.labels], label_names=tuple(known))


def _write(
    target: Path,
    values: "Tensor",
    *,
    force: bool,
    like: dict[str, Any] | None = None,
    names: Sequence[str] = (),
) -> None:
    from isthmus.data import write_samples

    say(str(write_samples(target, values, like=like, names=names, overwrite=force)))
