"""Raw: the output of a reader, before axes, missing values, labels and splits are handled."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import torch
from torch import Tensor

from isthmus.data import series
from isthmus.data.aside import Aside
from isthmus.data.layout import Layout
from isthmus.data.media import Medium
from isthmus.data.options import Options
from isthmus.errors import DataError, remark
from isthmus.options.reading import Channels, Kind, ReadAs
from isthmus.shown import Shown

if TYPE_CHECKING:  # Arrow takes some 40 MB that pictures don't need
    from isthmus.data.schema import Schema

COLOURS = (1, 3, 4)
MOST_BANDS = 16
"""With more, the last axis of an array isn't taken for the channels."""
MOST_COLUMNS = 2**20
"""The largest number of columns of a table in an array; facts about each column are saved as text too."""


@dataclass(frozen=True, eq=False, repr=False)
class Raw(Shown):
    """Values in the form of their source.

    values: `(N, ...)`, of any numeric type. layout: how they lie on disk, if they are streamed; they can then be
        `Blocks`, which readers of whole sources never give.
    labels: `(N,)` of any type, or None. label_names: names of labels that are already numbers, 0 first.
    names: of the samples, or empty. columns: of a table, or empty; categories: as in `Samples`.
    kind: the kind of the samples, or None if the source doesn't define it.
    parts: further parts of the source ("validation", "test"); these values are its training part.
    channels_first: whether pictures are certainly `(N, C, H, W)`, and series `(N, C, T)`.
    groups: (N,) whole numbers, equal for samples that must go to the same part; or None.
    spans: (N, 2) whole numbers, for windows of recordings: the first step of each in its group and the one after its
    last; or None. by_group: whether whole groups go to one part; otherwise each group is divided by its spans, if any.
    aside: the time stamps and groups of the rows, which are not among the values; or None.
    origin: path or name that reopens the source; None for an object in memory.
    medium: what the values stand for, if they aren't plain numbers.
    decoded: whether the values were decoded from pictures in memory, to which options of pictures apply.
    depth: bits for each value in the files of pictures, 8, 16 or 32; None for other sources.
    precise: whether the values stay float64, even if float32 would lose nothing of their spread.
    schema: what the columns of the table hold.
    unused: an Arrow table of the columns that a model doesn't learn from, to be written with its results; or None.
    factors: (N, K) whole numbers, the values of the known factors that each sample was made from; or None.
    factor_names: of them.
    texts: (N,) texts instead of values, until a vocabulary is learnt from the training part (`texts.with_vocabulary`).
    """

    values: np.ndarray | Tensor
    labels: Any = None
    label_names: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    kind: Kind | None = None
    parts: dict[str, "Raw"] = field(default_factory=dict)
    origin: str | None = None
    channels_first: bool = False
    groups: np.ndarray | None = None
    spans: np.ndarray | None = None
    by_group: bool = False
    aside: Aside | None = None
    medium: Medium | None = None
    schema: "Schema | None" = None
    unused: Any = None
    texts: tuple[str, ...] = ()
    decoded: bool = False
    depth: int | None = None
    precise: bool = False
    layout: Layout | None = None
    factors: Any = None
    factor_names: tuple[str, ...] = ()


def settle(raw: Raw, options: Options, exact: tuple[int, ...] | None = None) -> Raw:
    """`raw` with the axes of `Samples` and with its kind.

    2 axes are a table, 3 are grey pictures, 4 are pictures, unless `options.kind` is set. Pictures and series get a
    channel axis, channels first.

    exact: the shape that a model expects; values of this shape stay unchanged.

    Raises:
        DataError: the kind doesn't fit the number of axes, or the values aren't numbers.
    """
    values = raw.values
    _numbers_only(values)
    kind = raw.medium.layout if raw.medium is not None else _layout(options.kind, exact) or raw.kind
    if values.ndim < 2:
        raise DataError(
            f"An array of shape {tuple(values.shape)} has fewer than two axes: expected (N, columns), "
            "(N, height, width) or (N, channels, height, width). Reshape it, add an axis with x[None], or set "
            "kind='series' "
            "if it is one recording over time."
        )
    if kind != "tokens" and exact is not None and tuple(values.shape[1:]) == exact:
        kind = kind or ("table" if values.ndim == 2 else "pictures")
    elif kind is None:
        kind = "table" if values.ndim == 2 else "pictures"
        values = values if kind == "table" else _channels_first(values, options, grey=_as_model(values, exact))
    elif kind == "table":
        values = values if values.ndim == 2 else values.reshape(len(values), -1)
    elif kind == "tokens":
        values = _tokens(values)
    elif kind == "pictures" and not raw.channels_first:
        values = _channels_first(values, options, grey=options.channels is None or _as_model(values, exact))
    elif kind == "series" and (not raw.channels_first or values.ndim != 3):
        values = series.channels_first(values, options.channels)
    if kind == "table" and values.shape[1] > MOST_COLUMNS:
        raise DataError(
            f"An array of shape {tuple(values.shape)} is a table of {values.shape[1]:,} columns: expected at most "
            f"{MOST_COLUMNS:,}, because each is scaled separately. Reshape it to pictures (N, height, width), "
            "or set kind='series' for (N, time)."
        )
    if len(values) == 0 or 0 in values.shape:
        raise DataError(f"An array of shape {tuple(values.shape)} contains no values: expected at least one sample.")
    return replace(raw, values=values, kind=kind)


def _layout(kind: ReadAs | None, exact: tuple[int, ...] | None) -> Kind | None:
    """The kind of samples of a source that is read as this kind. exact: the shape that a model expects.

    Raises:
        DataError: it is a medium, but the source has plain numbers.
    """
    if kind is None or kind in get_args(Kind):
        return kind  # pyright: ignore[reportReturnType] one of Kind
    if exact is not None:  # numbers in the model's own layout, such as its reconstructions
        return Medium.layout_of(kind)
    raise DataError(
        f"kind={kind!r} is for text, music, sound or graphs, but this source has numbers. "
        "Give such data, or use kind='series' or kind='table'."
    )


def _tokens(values: np.ndarray | Tensor) -> np.ndarray | Tensor:
    if values.ndim != 2:
        raise DataError(f"Tokens of shape {tuple(values.shape)}: expected (N, length), a row of whole numbers each.")
    return values


def _numbers_only(values: np.ndarray | Tensor) -> None:
    if isinstance(values, Tensor):
        if values.is_complex():
            raise DataError(f"Values of type {values.dtype} are not real numbers: give real ones, such as abs(x).")
    elif values.dtype.kind not in "biuf":
        raise DataError(
            f"Values of type {values.dtype} are not numbers: expected integers, floats or booleans. "
            "Convert them first, such as with x.astype('float32')."
        )


def _channels_first(values: np.ndarray | Tensor, options: Options, *, grey: bool) -> np.ndarray | Tensor:
    """Pictures with a channel axis, which comes first. grey: whether three axes are certainly (N, height, width)."""
    shape = tuple(values.shape)
    if values.ndim == 3:
        if grey or not _one_in_colour(shape, _is_bytes(values), options.channels):
            return values[:, None]
        return values[None].movedim(3, 1) if isinstance(values, Tensor) else np.moveaxis(values[None], 3, 1)
    if values.ndim != 4:
        raise DataError(
            f"Pictures of shape {shape}: expected (N, height, width), (N, channels, height, width) or "
            "(N, height, width, channels). If they aren't pictures, set kind='table' or kind='series'."
        )
    last = _channels_are_last(shape, _is_bytes(values)) if options.channels is None else options.channels == "last"
    if last:
        return values.movedim(3, 1) if isinstance(values, Tensor) else np.moveaxis(values, 3, 1)
    return values


def _one_in_colour(shape: tuple[int, ...], of_bytes: bool, channels: Channels | None) -> bool:
    """Whether three axes are (height, width, channels) of one picture, not (N, height, width); with a remark."""
    if channels is not None:
        return channels == "last"
    first, middle, last = shape
    if last <= MOST_BANDS < min(first, middle):
        if last in COLOURS and of_bytes and _unequal(first, middle) <= 8:
            remark(
                f"An array of shape {shape} is read as one picture of {first} x {middle} with {_channels(last)}. "
                f"For {first} grey pictures of {middle} x {last}, set kind='pictures'."
            )
            return True
        remark(
            f"An array of shape {shape} is read as {first} grey pictures of {middle} x {last}; set kind='pictures' if "
            f"this is right. For one picture with {_channels(last)}, set channels='last'; for series, kind='series'."
        )
    elif first == 3 and min(middle, last) > MOST_BANDS:
        remark(
            f"An array of shape {shape} is read as 3 grey pictures of {middle} x {last}; set kind='pictures' if this "
            "is right. For one picture with 3 channels, add the axis of samples: x[None]."
        )
    return False


def _channels(count: int) -> str:
    return f"{count} channel{'s' * (count != 1)}"


def _channels_are_last(shape: tuple[int, ...], of_bytes: bool) -> bool:
    """Whether pictures have their channels last; with a remark where the shape doesn't decide.

    Bytes with a last axis of 1, 3 or 4 have them last; the rule for floats is stricter, because of feature maps. Other
    numbers of bands are last if that leaves the more equal sides.
    """
    _, first, middle, last = shape
    if last in COLOURS:
        if first not in COLOURS:
            return of_bytes or (first > 4 and middle > 4)
        if first == middle != last:
            _tell_axes(shape, "last")
            return True
        return False
    if last > min(MOST_BANDS, first, middle):
        return False
    sides_if_last, sides_if_first = _unequal(first, middle), _unequal(middle, last)
    found = sides_if_last < sides_if_first
    certain = min(first, middle) > MOST_BANDS and sides_if_first >= 2 * sides_if_last if found else sides_if_first == 1
    if not certain and 2 * sides_if_first > sides_if_last:
        _tell_axes(shape, "last" if found else "first")
    return found


def _unequal(one: int, other: int) -> float:
    """How many times longer one side is than the other."""
    return max(one, other) / max(1, min(one, other))


def _tell_axes(shape: tuple[int, ...], found: Channels) -> None:
    other = "first" if found == "last" else "last"
    remark(
        f"Pictures of shape {shape[1:]} are read with channels {found}; if channels are {other}, "
        f"set channels='{other}'."
    )


def _as_model(values: np.ndarray | Tensor, exact: tuple[int, ...] | None) -> bool:
    """Whether these are grey pictures of the size that a model expects, without the axis of the channel."""
    return exact is not None and values.ndim == 3 and exact == (1, *values.shape[1:])


def _is_bytes(values: np.ndarray | Tensor) -> bool:
    return values.dtype in (torch.uint8, np.uint8)
