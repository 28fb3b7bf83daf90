"""Options: how a source is to be read; the words that every reader shares."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, TypedDict, get_args

from isthmus.data.samples import KINDS, Kind
from isthmus.errors import DataError, nearest

Missing = Literal["error", "drop", "fill", "keep"]
Mode = Literal["L", "RGB", "RGBA"]
MODES: dict[int, Mode] = {1: "L", 3: "RGB", 4: "RGBA"}
"""By the number of a picture's channels."""
MAX_PIXELS = 100_000_000
MAX_BYTES = 4 * 2**30
AUTO = ("auto",)
"""As `categorical`: every column that holds text."""
BESIDE = ("labels", "validation", "test", "seed", "scaling", "like", "part")
"""Words of `open_data` and `read_samples` that are no reading options, for whoever misspells them."""


class OptionWords(TypedDict, total=False):
    """The reading options as keywords; `Options` tells what each does."""

    label: str | int | None
    columns: str | Iterable[str]
    exclude: str | Iterable[str]
    categorical: str | Iterable[str]
    array: str | None
    kind: Kind | None
    channels: Literal["first", "last"] | None
    size: int | tuple[int, int] | None
    patches: int | None
    mode: Mode | None
    missing: Missing
    header: bool | None
    delimiter: str | None
    memory_map: bool | None
    max_pixels: int
    max_bytes: int


@dataclass(frozen=True)
class Options:
    """How a source is to be read.

    label: the column (name, or number where a file has no names) or the array of an `.npz` that holds the labels.
    columns, exclude: which columns of a table to take, or to leave out; names, as a sequence or "a,b,c".
    categorical: columns of a table that hold categories, which become numbers, in the order of the alphabet: "auto" for
        all that hold text, or names, to which numbers may belong too.
    array: which array of an `.npz` holds the samples.
    kind: "pictures", "table" or "series", where the shape alone would be understood otherwise.
    channels: "first" or "last": where an array of pictures has its colours, or one of series its channels, if its
        shape leaves that open.
    size: (height, width) to which every picture is resized, or one number for both; sides are stretched, not cut.
    patches: how many pieces of `size` are cut from every picture, instead of resizing it; pictures may then be of
        different sizes. What is cut from one picture, or one region of it where there are fewer than ten, goes to one
        part, so that nothing that is judged by was learnt from.
    mode: "L" (grey), "RGB" or "RGBA", to which every picture is converted.
    missing: NaN and infinite values, and unreadable pictures: "error", "drop" the sample, "fill" in the training
        part's mean (of the column, in a table), or "keep" what is NaN for a model that is told which numbers are
        missing. The NaN after the end of a series that is shorter than others is no missing value.
    header: whether the first line of a text table holds names; None: it does if any of its cells is no number.
    delimiter: between the cells of a text table; None: found out from its first line.
    memory_map: whether a `.npy` stays on disk and is read as needed; None: if it is larger than 64 MiB.
    max_pixels: of one picture; more is taken for a bomb.
    max_bytes: what a compressed source, or a set of pictures, may grow to in memory.
    wanted: (C, H, W) of the pictures that a model takes, which messages then advise; nothing is read otherwise for it.

    Raises:
        DataError: an option has a value that it can't have.
    """

    label: str | int | None = None
    columns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    array: str | None = None
    kind: Kind | None = None
    channels: Literal["first", "last"] | None = None
    size: tuple[int, int] | None = None
    patches: int | None = None
    mode: Mode | None = None
    missing: Missing = "error"
    header: bool | None = None
    delimiter: str | None = None
    memory_map: bool | None = None
    max_pixels: int = MAX_PIXELS
    max_bytes: int = MAX_BYTES
    wanted: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _names(self.columns))
        object.__setattr__(self, "exclude", _names(self.exclude))
        object.__setattr__(self, "categorical", _names(self.categorical))
        object.__setattr__(self, "size", _size(self.size))
        _one_of("kind", self.kind, (None, *KINDS))
        _one_of("channels", self.channels, (None, "first", "last"))
        _one_of("mode", self.mode, (None, *get_args(Mode)))
        _one_of("missing", self.missing, get_args(Missing))
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise DataError(f"delimiter={self.delimiter!r} is not one character: give one, such as ';'.")
        if self.patches is not None and self.size is None:
            raise DataError(f"patches={self.patches} are cut in one size, and none is given: say size=32, for example.")
        for name in ("patches", "max_pixels", "max_bytes"):
            if getattr(self, name) is not None and not getattr(self, name) >= 1:
                raise DataError(f"{name}={getattr(self, name)!r} lets nothing through: give a number of 1 or more.")

    @classmethod
    def of(cls, words: OptionWords | dict[str, Any]) -> Self:
        """The options given as keywords.

        Raises:
            DataError: a keyword is unknown (the nearest are offered), or its value is impossible.
        """
        known = [option.name for option in fields(cls) if option.name != "wanted"]
        for name in words:
            if name not in (*known, "wanted"):
                raise DataError(f"There is no option {name!r} of reading. {nearest(name, (*known, *BESIDE))}")
        try:
            return cls(**words)  # type: ignore[arg-type]  # what words hold is checked on arrival
        except TypeError as error:
            raise DataError(f"An option has a value of the wrong type ({error}): see isthmus.data.Options.") from error

    def forgives(self, name: str, like: Mapping[str, Any] | None) -> bool:
        """Whether option `name` comes from a model's training, so that a source may lack what it names."""
        return like is not None and (like.get("options") or {}).get(name) == self.to_json().get(name)

    def to_json(self) -> dict[str, Any]:
        """The options that differ from their defaults, JSON-able; `of` takes them back."""
        plain = Options()
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != getattr(plain, f.name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def as_wanted(shapes: Iterable[tuple[int, ...]], wanted: tuple[int, ...]) -> str:
    """The options by which picture files, which come as `shapes` (C, H, W), are read as a model wants them.

    >>> as_wanted([(3, 9, 9)], (1, 8, 8))
    "size=(8, 8) and mode='L'"
    """
    shapes = list(shapes)
    words = [f"size={wanted[1:]}"] if any(shape[1:] != wanted[1:] for shape in shapes) else []
    mode = MODES.get(wanted[0])
    if mode is not None and any(shape[0] != wanted[0] for shape in shapes):
        words.append(f"mode={mode!r}")
    return " and ".join(words)


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        return tuple(name.strip() for name in given.split(",") if name.strip())
    return tuple(str(name) for name in given)


def _size(given: Any) -> tuple[int, int] | None:
    if given is None:
        return None
    sides = (given, given) if isinstance(given, int) else tuple(given)
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in sides) or math.prod(sides) > 2**31:
        raise DataError(f"size={given!r} is not a picture's size: give (height, width) in pixels, such as (28, 28).")
    return sides


def _one_of(name: str, given: Any, known: tuple[Any, ...]) -> None:
    if given not in known:
        words = [word for word in known if word is not None]
        raise DataError(f"{name}={given!r} is unknown. {nearest(str(given), words)}")
