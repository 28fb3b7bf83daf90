"""Words that several commands share, and how their values are read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.assignments import read_assignment
from isthmus.errors import BlueprintError, DataError
from isthmus.storage.files import no_run, unwritable

if TYPE_CHECKING:
    from isthmus.model.blueprint import Blueprint
    from isthmus.run import Run

LARGEST_SEED = 2**63 - 1
MOST_STEPS = 1000
"""Positions side by side in a picture, at most (`isthmus.uses.arguments`)."""
MAKE, LOOK, USE = "Make a model", "Look at it", "Use it"
"""Under which the help lists the commands."""

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)]
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A file (CSV, Parquet, .npy, .npz, IDX), a folder or zip of pictures, or a name: `digits`, `mnist`, "
        "`fashion-mnist`, `cifar10`.",
        show_default=False,
    ),
]
Target = Annotated[
    Path,
    typer.Argument(
        metavar="TARGET",
        help="Where to: .csv, .parquet, .npy, .npz, a .zip or a folder of pictures.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON, and nothing else, on stdout.")]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="Where to compute: auto, cpu, cuda, mps.")]


def open_run(folder: Path, device: str = "cpu") -> "Run":
    """The run in `folder`, its model on this device.

    PyTorch is loaded here, so that help and wrong use are answered at once.
    """
    if not folder.exists():  # said without waiting for PyTorch
        raise no_run(folder)
    from isthmus.run import load

    return load(folder, device=device)


def named_model(name: str, changes: dict[str, Any]) -> "Blueprint":
    """The recipe of this name with these options.

    Raises:
        typer.BadParameter: there is no such recipe or option, or a value won't do, whatever the data.
    """
    from isthmus.model.recipes import recipe

    try:
        return recipe(name, **changes)
    except BlueprintError as error:
        raise typer.BadParameter(str(error)) from error


def make_way(*targets: Path, force: bool, source: str | None = None) -> None:
    """See before any work is done, not after it, that all can be written; the folders they lie in are made.

    source: what is read, which is never overwritten.

    Raises:
        DataError: something is there, and is not to be overwritten; or two are one.
        IsthmusError: a folder can't be made.
    """
    taken: set[Path] = set()
    for target in targets:
        if (place := target.expanduser().resolve()) in taken:
            raise DataError(f"{target} is to hold two results, and would keep the last one only: name two files.")
        taken.add(place)
        _make_way(target, force, source)


def _make_way(target: Path, force: bool, source: str | None) -> None:
    if source is not None and target.exists() and target.resolve() == Path(source).expanduser().resolve():
        raise DataError(f"{target} is what is read: choose another name.")
    if target.exists() and not force:
        raise DataError(f"{target} is there already: choose another name, or overwrite it with --force.")
    try:
        target.expanduser().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(target, error) from error


def ending(target: Path, *endings: str, called: str = "--out") -> Path:
    """A path that says by its ending that it is to hold what is written there.

    Raises:
        typer.BadParameter: its ending says something else.
    """
    if target.suffix.lower() not in endings:
        raise typer.BadParameter(f"{called} {target}: expected a path that ends in {' or '.join(endings)}")
    return target


def whole(word: str) -> int:
    """A whole number.

    Raises:
        typer.BadParameter: it is none.
    """
    if not word.strip().isdecimal():
        raise typer.BadParameter(f"{word!r} is no whole number from 0 on")
    return int(word)


def settings(pairs: Sequence[str] | None) -> dict[str, Any]:
    """Read `key=value` words; a value is JSON where it can be, a list where it has commas, else text.

    >>> settings(["code=32", "hidden=128,64", "activation=relu", "tied=true"])
    {'code': 32, 'hidden': [128, 64], 'activation': 'relu', 'tied': True}

    Raises:
        typer.BadParameter: a word is not `key=value`, or a key is given twice.
    """
    read: dict[str, Any] = {}
    for pair in pairs or ():
        try:
            key, value = read_assignment(pair)
        except DataError as error:
            raise typer.BadParameter(f"--set {pair!r}: expected key=value, as in --set code=32") from error
        if key in read:
            raise typer.BadParameter(f"--set {key} is given twice: say it once")
        read[key] = value
    return read


def names(texts: Sequence[str] | None) -> list[str] | None:
    """Names given by several options, or separated by commas in one; None where none is given."""
    found = [name.strip() for text in texts or () for name in text.split(",") if name.strip()]
    return found or None
