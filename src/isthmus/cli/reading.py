"""Options that say how a source is read; they are those of `open_data`."""

from typing import Annotated, Any, Literal

import typer

PANEL = "The data"


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


Label = Annotated[
    str | None, _option(metavar="NAME", help="The column (or the array of an .npz) that holds the labels.")
]
Columns = Annotated[list[str] | None, _option(metavar="NAMES", help="Columns to take: `a,b,c`, or one at a time.")]
Exclude = Annotated[list[str] | None, _option(metavar="NAMES", help="Columns to leave out.")]
Array = Annotated[str | None, _option(metavar="NAME", help="The array of an .npz that holds the samples.")]
Kind = Annotated[Literal["pictures", "table", "series"] | None, _option(help="What the values are.")]
Channels = Annotated[Literal["first", "last"] | None, _option(help="Where an array of pictures has its colours.")]
Size = Annotated[
    str | None, _option(metavar="HxW", help="Resize pictures to 28x28 (`28`), or to height x width (`28x32`).")
]
Mode = Annotated[Literal["L", "RGB", "RGBA"] | None, _option(help="Convert pictures to grey, colour, …")]
Missing = Annotated[
    Literal["error", "drop", "fill"] | None, _option(help="Samples with NaN or infinite values. [default: error]")
]
Header = Annotated[
    bool | None, _option("--header/--no-header", help="Whether a text table's first line names columns.")
]
Delimiter = Annotated[str | None, _option(metavar="CHARACTER", help="Between the cells of a text table.")]
MemoryMap = Annotated[bool | None, _option("--memory-map/--no-memory-map", help="Leave a .npy on disk.")]
MaxPixels = Annotated[int | None, _option(metavar="N", min=1, help="Of one picture; more is taken for a bomb.")]
MaxBytes = Annotated[int | None, _option(metavar="N", min=1, help="What a compressed source may grow to in memory.")]
Validation = Annotated[
    float | None, _option(metavar="X", help="Share of the samples that early stopping looks at. [default: 0.1]")
]
Test = Annotated[float | None, _option(metavar="X", help="Share of the samples that only judging sees. [default: 0.1]")]
SplitSeed = Annotated[int | None, _option(metavar="N", min=0, help="Of the draw of those shares. [default: 0]")]
Scaling = Annotated[
    Literal["auto", "bytes", "standardise", "minmax", "none"] | None,
    _option(help="How values are scaled, learnt from the training part. [default: by the data]"),
]
Part = Annotated[
    Literal["train", "validation", "test"] | None, _option(help="The part to take, of a source that has parts.")
]


def given(**words: Any) -> dict[str, Any]:
    """The options that somebody gave."""
    return {word: value for word, value in words.items() if value is not None}
