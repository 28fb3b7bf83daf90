"""Reading options: how a source becomes samples."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from isthmus.options.option import ARRAYS, DATA, GIB, PICTURES, SEQUENCES, TABLES, Option

Kind = Literal["pictures", "table", "series", "tokens"]
"""The kinds of samples."""
ReadAs = Literal["pictures", "table", "series", "text", "melody", "roll", "waveform", "mel", "graph"]
"""What a source can be read as: a kind of samples, or a medium (`isthmus.data.media`)."""
Missing = Literal["error", "drop", "fill", "keep"]
Mode = Literal["L", "RGB", "RGBA"]
Channels = Literal["first", "last"]
Frames = Literal["samples", "first", "channels"]
MAX_PIXELS = 100_000_000
MAX_BYTES = 4 * GIB
SHUFFLE_BYTES = 2**27
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
    columns: Annotated[
        tuple[str, ...],
        Option(
            "Read only these columns of a table, voices of music, or features of a graph's nodes: `a,b,c`.",
            "NAMES",
            TABLES,
        ),
    ] = ()
    exclude: Annotated[tuple[str, ...], Option("Leave out these columns of a table: `a,b,c`.", "NAMES", TABLES)] = ()
    groups: Annotated[
        str | None,
        Option(
            "The column of a table that names the patient, device or recording of each row. All rows of a group go to "
            "the same part, and the column is not learnt.",
            "NAME",
            DATA,
        ),
    ] = None
    categorical: Annotated[
        tuple[str, ...],
        Option(
            "Columns of a table that hold categories although they look like numbers, dates or free text: `a,b,c`. "
            "Columns of text with few different names are found; with `auto`, columns of true and false are "
            "categories too. Categories become numbers in alphabetical order.",
            "NAMES",
            TABLES,
        ),
    ] = ()
    types: Annotated[
        tuple[str, ...],
        Option(
            "What columns of a table hold, where that is found wrongly: `zip=category,when=date`. The types are "
            "number, boolean, category, date, time, duration, and id or text, which are left out. A format of dates "
            "is possible too: `when=%d/%m/%Y`.",
            "NAME=TYPE",
            TABLES,
            default="found from the values",
        ),
    ] = ()
    na_values: Annotated[
        tuple[str, ...] | None,
        Option(
            "The cells of a table that mean a missing value, in addition to empty ones, NA and null: `?,-999`. `none` "
            "stands for no others.",
            "CELLS",
            TABLES,
            default="usual codes such as ? and -999, with a remark",
        ),
    ] = None
    id: Annotated[
        str | None,
        Option(
            "The column of a table that names the samples. It is not learnt from, and results show it.",
            "NAME",
            TABLES,
            default="a column of text called name",
        ),
    ] = None
    array: Annotated[
        str | None,
        Option(
            "The part of the source that holds the samples: an array of an .npz, .mat, HDF5 or netCDF file, a sheet of "
            "a workbook, a table of a database, a file of a zip.",
            "NAME",
            ARRAYS,
        ),
    ] = None
    kind: Annotated[
        ReadAs | None,
        Option(
            "Read the samples as pictures, as a table, as series, as text, as notes (melody, roll), as sound "
            "(waveform, mel) or as graphs (graph). Needed where the source alone doesn't decide.",
            "KIND",
            DATA,
            default="by the file's type and the values' shape",
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
    depth: Annotated[
        Annotated[int, Ge(8), Le(16)] | None,
        Option(
            "Convert every picture to this many bits for each value, 8 or 16.",
            "BITS",
            PICTURES,
            default="as in the files, which keeps all levels",
        ),
    ] = None
    frames: Annotated[
        Frames,
        Option(
            "What the frames of a file are, such as an animation, a stack or the slices of a volume: samples, or the "
            "channels of one sample; or read only the first frame. `step=` skips frames.",
            group=PICTURES,
        ),
    ] = "samples"
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
            default="found from the first rows",
        ),
    ] = None
    delimiter: Annotated[
        str | None,
        Option(
            "The character between the cells of a text table.",
            "CHARACTER",
            TABLES,
            default="found from the first lines",
        ),
    ] = None
    skip: Annotated[
        Annotated[int, Ge(0)] | None,
        Option(
            "Leave out this many lines above the names of a text table, or rows of a spreadsheet, and read every other "
            "one.",
            "LINES",
            TABLES,
            default="titles, comments, units below the names, and sums and notes at the end are found and left out",
        ),
    ] = None
    unit: Annotated[
        Literal["line", "paragraph", "file"],
        Option("The part of a text file that is one sample; blank lines end a paragraph.", "UNIT", SEQUENCES),
    ] = "line"
    pieces: Annotated[
        Annotated[int, Ge(259)] | None,
        Option(
            "Read text as pieces of words rather than characters: the size of a vocabulary that a byte-pair encoding "
            "learns from the training part.",
            "N",
            SEQUENCES,
            default="characters",
        ),
    ] = None
    window: Annotated[
        float | str | None,
        Option(
            "The length of a sample: characters of text, bars of music, seconds of sound, time steps of a series, or "
            "a duration such as `1h` or `30min`. Longer texts, pieces of music and recordings are cut into several "
            "samples; with `kind=series`, the rows are the time steps of one recording.",
            "LENGTH",
            SEQUENCES,
            default="128 characters, 2 bars, 1 second, or chosen from the period of the series",
        ),
    ] = None
    step: Annotated[
        float | str | None,
        Option(
            "From the start of one sample of music, sound or a recording to the start of the next, in the unit of "
            "`window=`. For pictures and videos: from one frame to the next, as a whole number.",
            "LENGTH",
            SEQUENCES,
            default="a window, so that samples don't overlap; about a quarter of a window for recordings of a series",
        ),
    ] = None
    time: Annotated[
        str | None,
        Option(
            "The column of the time stamps: dates and times, ISO text, or numbers. The rows are then the time steps of "
            "a recording, which is cut into windows and split by time.",
            "NAME",
            SEQUENCES,
            default="with `kind=series`, the first column of dates and times",
        ),
    ] = None
    rate: Annotated[
        Count | None,
        Option(
            "Resample sound to this many values a second.",
            "HERTZ",
            SEQUENCES,
            default="the rate of most files, at most 16000",
        ),
    ] = None
    encoding: Annotated[
        str,
        Option(
            "The encoding of text files and text tables, such as `latin-1` or `utf-16`. A table that is not UTF-8 is "
            "read as `cp1252`.",
            "NAME",
            SEQUENCES,
        ),
    ] = "utf-8"
    memory_map: Annotated[
        bool | None,
        Option(
            "Whether a .npy stays on disk and is read as needed.", group=ARRAYS, default="yes, if larger than 64 MiB"
        ),
    ] = None
    stream: Annotated[
        bool | None,
        Option(
            "Whether training reads the samples from the disk or the address in every epoch, instead of keeping them "
            "in memory: Parquet, .npy (a file, or a folder of tables with kind=table), and folders of pictures.",
            group=DATA,
            default="yes, if they need more than half of the free memory",
        ),
    ] = None
    shuffle_bytes: Annotated[
        Count,
        Option("The bytes of samples that streaming shuffles together. Twice as many are in memory.", "N", ARRAYS),
    ] = SHUFFLE_BYTES
    max_pixels: Annotated[
        Count, Option("Refuse a picture of more pixels than this, which may be a decompression bomb.", "N", PICTURES)
    ] = MAX_PIXELS
    max_bytes: Annotated[
        Count,
        Option("Refuse pictures, sound or a compressed source that need more bytes of memory than this.", "N", ARRAYS),
    ] = MAX_BYTES
    timeout: Annotated[
        Annotated[float, Gt(0)],
        Option("Give up an address, such as https://…, that sends nothing for this long.", "SECONDS", ARRAYS),
    ] = 30.0
