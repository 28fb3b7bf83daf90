"""Reading options: how a source becomes samples."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from isthmus.options.option import ARRAYS, DATA, GIB, PICTURES, TABLES, Option

Kind = Literal["pictures", "table", "series"]
Missing = Literal["error", "drop", "fill", "keep"]
Mode = Literal["L", "RGB", "RGBA"]
Channels = Literal["first", "last"]
MAX_PIXELS = 100_000_000
MAX_BYTES = 4 * GIB
Count = Annotated[int, Ge(1)]


@dataclass(frozen=True)
class ReadingOptions:
    """The reading options with their defaults; `isthmus.data.Options` checks them."""

    label: Annotated[
        str | int | None,
        Option(
            "The column of the labels, by its name or number, or the array of an .npz that holds them.",
            "NAME",
            DATA,
        ),
    ] = None
    columns: Annotated[tuple[str, ...], Option("Read only these columns of a table: `a,b,c`.", "NAMES", TABLES)] = ()
    exclude: Annotated[tuple[str, ...], Option("Leave out these columns of a table: `a,b,c`.", "NAMES", TABLES)] = ()
    categorical: Annotated[
        tuple[str, ...],
        Option(
            "Columns of a table that hold categories: `a,b,c`, or `auto` for every column of text. Categories become "
            "numbers in alphabetical order.",
            "NAMES",
            TABLES,
        ),
    ] = ()
    array: Annotated[str | None, Option("The array of an .npz that holds the samples.", "NAME", ARRAYS)] = None
    kind: Annotated[
        Kind | None,
        Option(
            "Read the samples as pictures, as a table or as series. Needed where the shape alone doesn't decide.",
            "KIND",
            DATA,
            default="by the shape",
        ),
    ] = None
    channels: Annotated[
        Channels | None,
        Option(
            "Whether the channels of an array of pictures or series come first or last.",
            group=ARRAYS,
            default="by the shape",
        ),
    ] = None
    size: Annotated[
        tuple[int, int] | None,
        Option(
            "Resize every picture to this height and width, `size=(28, 32)`, or to a square, `size=28`. Pictures are "
            "stretched, not cropped.",
            "HxW",
            PICTURES,
        ),
    ] = None
    patches: Annotated[
        Count | None,
        Option(
            "Cut this many pieces of `size=` from every picture instead of resizing it. The pictures may then differ "
            "in size.",
            "N",
            PICTURES,
        ),
    ] = None
    mode: Annotated[
        Mode | None, Option("Convert every picture to grey (L), to colour (RGB), or to RGBA.", group=PICTURES)
    ] = None
    missing: Annotated[
        Missing,
        Option(
            "What to do with NaN, infinite values and unreadable pictures: stop with an error, drop the sample, fill "
            "in the mean of the training part, or keep NaN for a model that handles missing values.",
            "CHOICE",
            DATA,
        ),
    ] = "error"
    header: Annotated[
        bool | None,
        Option(
            "Whether the first line of a text table holds the names of the columns.",
            group=TABLES,
            default="yes, if it holds any text",
        ),
    ] = None
    delimiter: Annotated[
        str | None,
        Option(
            "The character between the cells of a text table.", "CHARACTER", TABLES, default="found from the first line"
        ),
    ] = None
    memory_map: Annotated[
        bool | None,
        Option(
            "Whether a .npy stays on disk and is read as needed.", group=ARRAYS, default="yes, if larger than 64 MiB"
        ),
    ] = None
    max_pixels: Annotated[
        Count, Option("Refuse a picture of more pixels than this, which may be a decompression bomb.", "N", PICTURES)
    ] = MAX_PIXELS
    max_bytes: Annotated[
        Count,
        Option("Refuse pictures or a compressed source that need more bytes of memory than this.", "N", ARRAYS),
    ] = MAX_BYTES
