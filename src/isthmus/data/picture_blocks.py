"""Folders of pictures that stay on the disk: training decodes each picture in every epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.blocks import Blocks
from isthmus.data.entries import Division, Entry, UnreadableError, divide
from isthmus.data.folders import folder_entries
from isthmus.data.layout import Layout
from isthmus.data.masks import without_masks
from isthmus.data.options import Options
from isthmus.data.picture_formats import format_of
from isthmus.data.picture_set import Sample, check_same
from isthmus.data.pictures import first_frame
from isthmus.data.raw import Raw
from isthmus.errors import DataError
from isthmus.threads import usable_threads


@dataclass(frozen=True)
class PictureFiles:
    """The files of each part of a folder, a picture each, and the first picture, which the others must be like."""

    division: Division
    first: Sample
    where: str
    plausible = True

    @classmethod
    def of(cls, folder: Path, options: Options) -> "PictureFiles | None":
        """Those of a folder; None if there are none, or if a file may have several frames.

        Raises:
            DataError: the first picture can't be read.
        """
        where = str(folder)
        entries = without_masks(folder_entries(folder), where)
        formats = [format_of(entry.name) for entry in entries]
        alone = options.frames == "first" or not any(format is None or format.several for format in formats)
        if not entries or not alone:
            return None
        division = divide(entries, where)
        return cls(division, _read(next(iter(division.parts["train"])), options), where)

    @property
    def bytes(self) -> int:
        """The bytes of memory that all pictures need."""
        return self.first.values.nbytes * sum(map(len, self.division.parts.values()))

    def raw(self, options: Options) -> Raw:
        """The pictures as `Blocks` of one each, so that an epoch's order can be any."""
        made = {}
        for part, entries in self.division.parts.items():
            if not entries:
                continue
            files, values = [entry.name for entry in entries], self.first.values
            starts = np.arange(len(entries) + 1)
            window = max(1, options.shuffle_bytes // values.nbytes)
            read: Any = Blocks(starts, values.shape, values.dtype, self._reader(entries, options), usable_threads())
            made[part] = Raw(
                read,
                self.division.labels(files),
                names=tuple(files),
                kind="pictures",
                channels_first=True,
                depth=self.first.depth,
                layout=Layout(starts, np.arange(len(entries)), window),
            )
        return replace(made.pop("train"), parts=made)

    def _reader(self, entries: Sequence[Entry], options: Options) -> Callable[[int], np.ndarray]:
        def read(number: int) -> np.ndarray:
            try:
                sample = _read(entries[number], options)
            except UnreadableError as error:
                raise DataError(
                    f"{str(error).rstrip('.')}. A folder that is streamed needs pictures that can all be read. Then "
                    "isthmus resume continues a training from its last checkpoint."
                ) from error
            check_same(self.first, sample, options)
            return sample.values[None]

        return read


def _read(entry: Entry, options: Options) -> Sample:
    """The first picture of a file."""
    with entry.open() as file:
        picture = first_frame(file, entry.name, options)
    return Sample(picture.values, entry.name, picture.mode, picture.depth, (0, entry.name))
