"""Pictures: decoded from files to `(N, C, H, W)`, all of one size, mode and depth, within limits."""

import importlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO

import numpy as np
from PIL import Image

from isthmus.data.convert import Picture, converted
from isthmus.data.decoders import Frame, pillow
from isthmus.data.entries import Entry, UnreadableError, divide, has_suffix
from isthmus.data.masks import without_masks
from isthmus.data.options import Options
from isthmus.data.patches import cut
from isthmus.data.picture_formats import SUFFIXES, format_of
from isthmus.data.picture_set import PictureSet, Sample, Seen
from isthmus.data.raw import Raw
from isthmus.errors import DataError, IsthmusError


def is_picture(name: str) -> bool:
    """Whether a file has a picture's suffix and isn't hidden."""
    return has_suffix(name, SUFFIXES)


def read_pictures(entries: Sequence[Entry], options: Options, where: str) -> Raw:
    """All `entries` as one set: their pictures, frames or patches. The first folder of each path is its label.

    Folders such as `train` and `test` are parts (see `divide`), and the folders below them are the labels. Masks are
    left out.

    Raises:
        DataError: a picture can't be read, is too large, or has another size, mode or depth than the first one.
    """
    division = divide(without_masks(entries, where), where)
    seen = Seen(where, options, sum(map(len, division.parts.values())))
    sets = {}
    for name, part in division.parts.items():
        sets[name] = PictureSet(options, where, len(part))
        for _ in _fill(sets[name], part, seen, len(part)):
            pass
    seen.report_unreadable()
    seen.report()
    parts = {name: made.raw(division.labels) for name, made in sets.items() if len(made)}
    if "train" not in parts:
        raise DataError(f"{where}: no picture of its training part can be read. Repair them, or give others.")
    return replace(parts.pop("train"), parts=parts)


def picture_pieces(
    entries: Sequence[Entry], options: Options, where: str, size: int, unreadable: list[str]
) -> Iterator[Raw]:
    """The same in the same order, `size` at a time; `unreadable` collects the names of unreadable pictures."""
    division = divide(without_masks(entries, where), where)
    seen = Seen(where, options, len(entries), unreadable)
    for part in division.parts.values():
        made = PictureSet(options, where, min(size, len(part)))
        for _ in _fill(made, part, seen, len(part)):
            if len(made) >= size:
                yield made.raw(division.labels, grouped=False)
                made.begin()
        if len(made):
            yield made.raw(division.labels, grouped=False)
    seen.report()


def decode(content: IO[bytes] | Image.Image, called: str, options: Options) -> tuple[np.ndarray, str]:
    """Decode an open file or a Pillow picture to `(C, H, W)`, resized and converted; and its mode.

    Values are uint8, or float32 if the picture has more than 8 bits. Transparent pixels are put on white if the wanted
    mode has no transparency. Only the first of several frames is used. EXIF's orientation is applied.

    Raises:
        UnreadableError: it isn't a picture, or is cut short.
        DataError: it has more pixels than allowed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders warn of odd metadata, which isn't used here
        values, mode, *_ = first_frame(content, called, options)
    return values, mode


def first_frame(content: IO[bytes] | Image.Image, called: str, options: Options) -> Picture:
    """The first picture of an open file, as by `decode`."""
    return next(_pictures(content, called, replace(options, frames="first")))[1]


def _fill(made: PictureSet, entries: Sequence[Entry], seen: Seen, together: int) -> Iterator[None]:
    """Add the samples of all entries to a set, one after the other; pause after each.

    together: the number of pictures in the whole part.
    """
    options = made.options
    whole = options if options.patches is None else replace(options, size=None, patches=None)
    for number, entry in enumerate(entries):
        before = len(made)
        try:
            with entry.open() as file:
                for frame, picture in _quietly(_pictures(file, entry.name, whole)):
                    if frame.note:
                        seen.notes[frame.note] = None
                    if picture.reduced:
                        seen.reduced += 1
                        seen.brightest = max(seen.brightest, int(picture.values.max()))
                    if frame.place is not None and options.frames == "samples":
                        seen.several[entry.name] += 1
                    for sample in _samples(frame, picture, (number, entry.name), options, together):
                        made.add(sample, number)
                        yield
        except UnreadableError as error:
            seen.reason = seen.reason or str(error)
            made.cut_to(min(before, len(made)))
            seen.several.pop(entry.name, None)
            seen.unreadable.append(entry.name)


def _samples(
    frame: Frame, picture: Picture, file: tuple[int, str], options: Options, together: int
) -> Iterator[Sample]:
    """The patches of a picture, or the picture itself."""
    several = frame.place is not None and options.frames == "samples"
    name = f"{file[1]}@{frame.place}" if several else file[1]
    facts = {"mode": picture.mode, "depth": picture.depth, "file": file, "patient": frame.group}
    if options.patches is None or options.size is None:
        yield Sample(picture.values, name, **facts, group=0 if several else None)
        return
    for values, place, region in cut(picture.values, name, options.patches, options.size, together):
        yield Sample(values, place, **facts, group=region)


def _pictures(content: IO[bytes] | Image.Image, called: str, options: Options) -> Iterator[tuple[Frame, Picture]]:
    """The pictures of a file; at least one. Any error of its decoder becomes an UnreadableError."""
    try:
        found = ((frame, converted(frame, options, called)) for frame in _frames(content, called, options))
        if options.frames == "channels":
            yield _stacked(list(_limited(found, called, options)))
            return
        none = True
        for one in found:
            none = False
            yield one
        if none:
            raise ValueError("it has no pictures")
    except IsthmusError:
        raise
    except Exception as error:  # decoders of foreign bytes raise whatever they please
        said = " ".join(str(error).split())[:100]
        raise UnreadableError(
            f"{called} can't be read as a picture ({said}). Download it again, or remove it."
        ) from error


def _frames(content: IO[bytes] | Image.Image, called: str, options: Options) -> Iterator[Frame]:
    if isinstance(content, Image.Image):
        return pillow.frames(content, called, options)
    format = format_of(called)
    reader = importlib.import_module(f"isthmus.data.decoders.{format.reader if format else 'pillow'}")
    return reader.read(content, called, options)


def _limited(found: Iterator[tuple[Frame, Picture]], called: str, options: Options) -> Iterator[tuple[Frame, Picture]]:
    total = 0
    for frame, picture in found:
        total += picture.values.nbytes
        if total > options.max_bytes:
            raise DataError(
                f"{called} needs more than max_bytes={options.max_bytes} bytes as the channels of one sample. "
                "Take fewer frames with step=, give a smaller size=, or raise max_bytes."
            )
        yield frame, picture


def _stacked(found: list[tuple[Frame, Picture]]) -> tuple[Frame, Picture]:
    """All frames of a file as the channels of one picture, `(frames · C, H, W)`."""
    if not found:
        raise ValueError("it has no pictures")
    frame, first = found[0]
    if len(found) == 1:
        return frame, first
    if len({(picture.values.shape, picture.values.dtype) for _, picture in found}) > 1:
        raise ValueError("its frames differ in size or mode; set size= and mode=")
    together = np.concatenate([picture.values for _, picture in found])
    reduced = any(picture.reduced for _, picture in found)
    return frame, Picture(together, f"{len(found)} frames of {first.mode}", first.depth, reduced)


def _quietly(found: Iterator[tuple[Frame, Picture]]) -> Iterator[tuple[Frame, Picture]]:
    """The same without the decoders' warnings of odd metadata, which isn't used here."""
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one = next(found, None)
        if one is None:
            return
        yield one
