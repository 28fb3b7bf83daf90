"""Options: how a source is to be read; the words that every reader shares."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, TypedDict

from isthmus.data.durations import checked_length, seconds_of
from isthmus.errors import DataError, nearest
from isthmus.options import DivisionOptions, ReadingOptions, described, options_of
from isthmus.options.reading import Channels, Frames, Missing, Mode, ReadAs

MODES: dict[int, Mode] = {1: "L", 3: "RGB", 4: "RGBA"}
"""By the number of a picture's channels."""
AUTO = ("auto",)
"""As `categorical`: every column that holds text."""
BESIDE = ("labels", "like", *options_of(DivisionOptions))
"""Arguments of `open_data` and `read_samples` that are no reading options, to suggest for a misspelt one."""


class OptionWords(TypedDict, total=False):
    """The reading options as keywords, for type checkers; see `Options`."""

    label: str | int | None
    columns: str | Iterable[str]
    exclude: str | Iterable[str]
    groups: Any
    categorical: str | Iterable[str]
    types: str | Iterable[str] | Mapping[str, str]
    na_values: str | Iterable[str] | None
    id: str | None
    array: str | None
    kind: ReadAs | None
    channels: Channels | None
    size: int | tuple[int, int] | None
    patches: int | None
    mode: Mode | None
    depth: int | None
    frames: Frames
    missing: Missing
    header: bool | None
    delimiter: str | None
    skip: int | None
    unit: Literal["line", "paragraph", "file"]
    pieces: int | None
    window: float | str | None
    step: float | str | None
    time: Any
    rate: int | None
    encoding: str
    memory_map: bool | None
    stream: bool | None
    shuffle_bytes: int
    max_pixels: int
    max_bytes: int
    timeout: float


@described(ReadingOptions)
@dataclass(frozen=True)
class Options(ReadingOptions):
    """How to read a source.

    Columns are names, as a sequence or "a,b,c". A size is (height, width), or one number for both. Patches of one
    picture, or of one region of it where there are fewer than ten pictures, go to the same part, so that no model is
    evaluated on what it was trained on. The NaN that pads a shorter series at its end is no missing value.

    wanted: (C, H, W) of the pictures that a model takes, for messages to name; it changes nothing that is read.
    wanted_depth: 8 for a model of pictures of 8 bits: deeper ones become so, as with `depth=8`.

    Raises:
        DataError: an option has an impossible value.
    """

    wanted: tuple[int, ...] = ()
    wanted_depth: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _names(self.columns))
        object.__setattr__(self, "exclude", _names(self.exclude))
        object.__setattr__(self, "categorical", _names(self.categorical))
        object.__setattr__(self, "types", _types(self.types))
        if self.na_values is not None:
            object.__setattr__(self, "na_values", _names(self.na_values) or ("none",))
        object.__setattr__(self, "size", _size(self.size))
        for name in ("time", "groups"):
            if isinstance(given := getattr(self, name), int):  # of a table without names
                object.__setattr__(self, name, str(given))
        object.__setattr__(self, "window", checked_length("window", self.window))
        object.__setattr__(self, "step", checked_length("step", self.step))
        for option in options_of(ReadingOptions).values():
            if mistake := option.mistake(getattr(self, option.name)):
                raise DataError(mistake)
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise DataError(f"delimiter={self.delimiter!r}: expected one character, such as ';'.")
        try:
            "a".encode(self.encoding)
        except (LookupError, ValueError) as error:
            raise DataError(
                f"encoding={self.encoding!r} is unknown: expected a name such as 'utf-8' or 'latin-1'."
            ) from error
        if self.depth not in (None, 8, 16):
            raise DataError(f"depth={self.depth!r}: expected 8 or 16 bits for each value of a picture.")
        if self.patches is not None and self.size is None:
            raise DataError(f"patches={self.patches} needs the size of the patches: add size=32, for example.")

    @classmethod
    def of(cls, words: OptionWords | dict[str, Any]) -> Self:
        """The options given as keywords.

        Raises:
            DataError: a keyword is unknown (the nearest are offered), or its value is impossible.
        """
        for name in words:
            if name not in {field.name for field in fields(cls)}:
                known = (*options_of(ReadingOptions), *BESIDE)
                raise DataError(f"There is no reading option {name!r}. {nearest(name, known)}")
        try:
            return cls(**words)  # type: ignore[arg-type]  # what words hold is checked on arrival
        except TypeError as error:
            raise DataError(f"An option has a value of the wrong type ({error}): see isthmus.data.Options.") from error

    def forgives(self, name: str, like: Mapping[str, Any] | None) -> bool:
        """Whether option `name` comes from a model's training, so that a source may lack what it names."""
        return like is not None and (like.get("options") or {}).get(name) == self.to_json().get(name)

    def length(self, name: str, unit: str) -> float | None:
        """The option `window` or `step` as a number of this unit, such as "bars"; None if it is not set.

        Raises:
            DataError: it is a duration, and the unit is not seconds.
        """
        value = getattr(self, name)
        if not isinstance(value, str):
            return value
        if unit == "seconds":
            return seconds_of(value)
        raise DataError(f"{name}={value!r} is a duration: expected a number of {unit}, such as {name}=16.")

    def to_json(self) -> dict[str, Any]:
        """The options that differ from their defaults, JSON-able; `of` takes them back."""
        plain = Options()
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != getattr(plain, f.name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def apart(words: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options without `time` and `groups` where these are the rows' values, not a column's name; and these."""
    beside = {
        name: words[name]
        for name in ("time", "groups")
        if words.get(name) is not None and not isinstance(words[name], str | int)
    }
    return {name: value for name, value in words.items() if name not in beside}, beside


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


def _types(given: Any) -> tuple[str, ...]:
    """Texts "name=type", one for each column, from a mapping, a text "a=number,b=date", or several."""
    texts = tuple(f"{name}={kind}" for name, kind in given.items()) if isinstance(given, Mapping) else _names(given)
    if wrong := [text for text in texts if not all(map(str.strip, text.partition("=")[::2]))]:
        raise DataError(
            f"types={wrong[0]!r}: expected the name of a column and its type, such as types={{'zip': 'category'}}."
        )
    return texts


def _size(given: Any) -> tuple[int, int] | None:
    if given is None:
        return None
    sides = (given, given) if isinstance(given, int) else tuple(given)
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in sides) or math.prod(sides) > 2**31:
        raise DataError(
            f"size={given!r} is not a picture's size: expected (height, width) in pixels, such as (28, 28)."
        )
    return sides
