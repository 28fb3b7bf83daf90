"""Options that say how a source is read: those of `open_data`, defined once and given to every command that reads."""

import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from isthmus.cli.option_groups import Command, offers
from isthmus.cli.options import LARGEST_SEED, names

ReadOptions = dict[str, Any]
PANEL = "The data"


def reads(*words: str) -> Callable[[Command], Command]:
    """Give a command the options of these names, where its own argument `read_options` stands.

    The command then gets in `read_options` those that somebody gave, as `open_data` and `read_samples` take them.
    """
    give = offers("read_options", OPTIONS, *words)

    def reading(command: Command) -> Command:
        @functools.wraps(command)
        def named(**given: Any) -> None:
            command(
                **given | {"read_options": {_in_python(word): value for word, value in given["read_options"].items()}}
            )

        return give(named)

    return reading


def size(text: str) -> tuple[int, int]:
    """`28` or `28x32` (height x width) as a picture's size.

    Raises:
        typer.BadParameter: it is neither.
    """
    sides = text.lower().replace(",", "x").split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() and int(side) > 0 for side in sides):
        raise typer.BadParameter(f"{text!r} is not a size: give 28, or 28x32 for height x width")
    return int(sides[0]), int(sides[-1])


def _option(*words: str, help: str, **more: Any) -> Any:
    return typer.Option(*words, help=help, rich_help_panel=PANEL, show_default=False, **more)


READING: dict[str, Any] = {
    "label": Annotated[
        str | None, _option(metavar="NAME", help="The column (or the array of an .npz) that holds the labels.")
    ],
    "columns": Annotated[
        list[str] | None,
        _option(metavar="NAMES", callback=names, help="Columns to take: `a,b,c`, or one at a time."),
    ],
    "exclude": Annotated[list[str] | None, _option(metavar="NAMES", callback=names, help="Columns to leave out.")],
    "categorical": Annotated[
        list[str] | None,
        _option(metavar="NAMES", callback=names, help="Columns of categories: their names, or `auto` for all text."),
    ],
    "array": Annotated[str | None, _option(metavar="NAME", help="The array of an .npz that holds the samples.")],
    "kind": Annotated[Literal["pictures", "table", "series"] | None, _option(help="What the values are.")],
    "channels": Annotated[Literal["first", "last"] | None, _option(help="Where arrays have their channels.")],
    "size": Annotated[
        str | None,
        _option(metavar="HxW", parser=size, help="Resize picture files to 28x28 (`28`), or to height x width."),
    ],
    "patches": Annotated[
        int | None,
        _option(metavar="N", min=1, help="Cut so many pieces of --size from every picture, whatever its own size."),
    ],
    "mode": Annotated[
        Literal["L", "RGB", "RGBA"] | None, _option(help="Convert picture files to grey, colour, colour and alpha.")
    ],
    "missing": Annotated[
        Literal["error", "drop", "fill", "keep"] | None,
        _option(help="Samples with NaN or infinite values; keep: for a model that is told which. [default: error]"),
    ],
    "header": Annotated[
        bool | None, _option("--header/--no-header", help="Whether a text table's first line names columns.")
    ],
    "delimiter": Annotated[str | None, _option(metavar="CHARACTER", help="Between the cells of a text table.")],
    "memory_map": Annotated[bool | None, _option("--memory-map/--no-memory-map", help="Leave a .npy on disk.")],
    "max_pixels": Annotated[int | None, _option(metavar="N", min=1, help="Of one picture; more is taken for a bomb.")],
    "max_bytes": Annotated[
        int | None, _option(metavar="N", min=1, help="What a compressed source may grow to in memory.")
    ],
}
"""How a source is read: a word for each field of `isthmus.data.Options`."""

OPTIONS: dict[str, Any] = READING | {
    "damaged": Annotated[
        str | None,
        _option(metavar="SOURCE", help="Damaged samples to restore these from: a folder with the same names, say."),
    ],
    "validation": Annotated[
        float | None, _option(metavar="X", help="Share of the samples that early stopping looks at. [default: 0.1]")
    ],
    "test": Annotated[
        float | None, _option(metavar="X", help="Share of the samples that only evaluation sees. [default: 0.1]")
    ],
    "split_seed": Annotated[
        int | None, _option(metavar="N", min=0, max=LARGEST_SEED, help="Of the draw of those shares. [default: 0]")
    ],
    "scaling": Annotated[
        Literal["auto", "bytes", "standardise", "minmax", "none"] | None,
        _option(help="How values are scaled, learnt from the training part. [default: by the data]"),
    ],
    "part": Annotated[
        Literal["train", "validation", "test"] | None,
        _option(help="The part to take, of a source that has parts."),
    ],
}
"""All that `reads` knows: how to read, how to divide and scale, which part to take."""


def _in_python(word: str) -> str:
    return {"split_seed": "seed"}.get(word, word)
