"""A set of pictures as it is read: its values grow a picture at a time, all of one size, mode and depth."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from isthmus.data.options import Options, as_wanted
from isthmus.data.raw import Raw
from isthmus.data.windows import FEW, stretches
from isthmus.errors import DataError, remark
from isthmus.formatting import listed


@dataclass(frozen=True)
class Sample:
    """One picture, patch or file of frames of the set.

    values: `(C, H, W)`, uint8 or float32. depth: bits for each value. file: its number and name. group: equal for
    samples that must go to the same part, for example the region of a patch; None if it is the only one of its file.
    patient: what it shows, if its file says so; files of one patient go to the same part too.
    """

    values: np.ndarray
    name: str
    mode: str
    depth: int
    file: tuple[int, str]
    group: int | None = None
    patient: str | None = None


class PictureSet:
    """Samples that are put together; `raw` ends the set.

    files: the number of files that may come.
    """

    def __init__(self, options: Options, where: str, files: int) -> None:
        self.options, self.where, self.files = options, where, files
        self.begin()

    def begin(self) -> None:
        """Start anew, with no samples; those of `raw` are kept by it."""
        self.values = np.empty(0, np.uint8)
        self.names: list[str] = []
        self._of: list[Sample] = []
        self.first: Sample | None = None

    def __len__(self) -> int:
        return len(self.names)

    def add(self, sample: Sample, done: int) -> None:
        """Add a sample of the file number `done`.

        Raises:
            DataError: it doesn't fit the first one, or the set grows too large.
        """
        if self.first is None:
            self.first = sample
        else:
            check_same(self.first, sample, self.options)
        if len(self) == len(self.values):
            self._grow(sample, max(1, self.files - done))
        self.values[len(self)] = sample.values
        self.names.append(sample.name)
        self._of.append(_light(sample))

    def cut_to(self, count: int) -> None:
        """Leave only the first samples."""
        del self.names[count:], self._of[count:]
        self.first = self.first if count else None
        self.values = self.values if count else self.values[:0]

    def raw(self, labels_of: Callable[[Sequence[str]], list[str | None] | None], *, grouped: bool = True) -> Raw:
        """The set so far. grouped: whether the groups matter, because the set will be divided."""
        files = [sample.file[1] for sample in self._of]
        return Raw(
            self.values[: len(self)],
            labels_of(files),
            names=tuple(self.names),
            kind="pictures",
            channels_first=True,
            groups=self._groups() if grouped and self._of else None,
            depth=self.first.depth if self.first else None,
        )

    def _grow(self, sample: Sample, files: int) -> None:
        """Make room for at least this sample and those of as many files."""
        each = sample.values.nbytes
        pieces = self.options.patches or 1
        least = len(self) + files * pieces
        if least * each > self.options.max_bytes:
            raise DataError(
                f"{self.where} needs {least * each} bytes for {least} pictures of {size_of(sample.values)}: expected "
                f"at most max_bytes={self.options.max_bytes}. Raise max_bytes, or give a smaller size=(height, width)"
                f"{' or fewer patches' if self.options.patches else ''}."
            )
        room = min(max(least, 2 * len(self), 8), self.options.max_bytes // max(1, each))
        grown = np.empty((room, *sample.values.shape), sample.values.dtype)
        grown[: len(self)] = self.values[: len(self)] if len(self) else 0
        self.values = grown

    def _groups(self) -> np.ndarray | None:
        patients = [sample.patient for sample in self._of]
        if self.options.patches is None and all(patients) and len(set(patients)) >= 3:
            return _numbered(patients)
        if all(sample.group is None for sample in self._of):
            return None
        if self.options.patches is not None:
            return _numbered([(sample.file[0], sample.group) for sample in self._of])
        files = _numbered([sample.file[0] for sample in self._of])
        return stretches(files) if files.max() + 1 < FEW else files


def check_same(one: Sample, other: Sample, options: Options) -> None:
    """Raise DataError unless two samples have one size, mode and depth."""
    if (one.values.shape, one.mode, one.depth) == (other.values.shape, other.mode, other.depth):
        return
    before, after = size_of(one.values), size_of(other.values)
    words = as_wanted((one.values.shape, other.values.shape), options.wanted) if len(options.wanted) == 3 else ""
    if words:
        raise DataError(
            f"{one.name} is {one.mode} of {before}, but {other.name} is {other.mode} of {after}: expected pictures "
            f"of the size and mode of the model's training data. Read them with {words}."
        )
    if one.values.shape[1:] != other.values.shape[1:]:
        alone = " or read only the first frame of each file with frames='first'," if other.group is not None else ""
        raise DataError(
            f"{one.name} has {before}, but {other.name} has {after}: all pictures of a set need one size. "
            f"Resize them with size={one.values.shape[1:]}, for example,{alone} or cut 100 pieces of that size from "
            "each with patches=100."
        )
    if options.frames == "channels" and len(one.values) != len(other.values):
        raise DataError(
            f"{one.name} has {one.mode}, but {other.name} has {other.mode}: with frames='channels' all files need "
            "equally many. Leave out the others, or set frames='samples'."
        )
    if one.mode != other.mode:
        advice = "Leave out those with other bands."
        if {len(one.values), len(other.values)} <= {1, 3, 4}:
            advice = "Convert them with mode='L' (grey) or mode='RGB'."
        raise DataError(
            f"{one.name} has mode {one.mode}, but {other.name} has {other.mode}: all pictures of a set need one mode. "
            f"{advice}"
        )
    advice = "Convert them with depth=8 or depth=16." if 32 not in (one.depth, other.depth) else "Read them separately."
    raise DataError(
        f"{one.name} has {one.depth} bits for each value, but {other.name} has {other.depth}: all pictures of a set "
        f"need one depth, because the same value would mean another brightness. {advice}"
    )


def size_of(values: np.ndarray) -> str:
    """A picture's size for messages."""
    return f"{values.shape[1]} x {values.shape[2]} (height x width)"


@dataclass
class Seen:
    """The facts about all files of a source that are reported when they are read.

    count: the number of files. reason: why the first unreadable one can't be read. several: how many frames each file
    with more than one has. reduced: files whose 16 bits became 8, and the brightest of their values then. notes: of the
    readers, without doubles.
    """

    where: str
    options: Options
    count: int
    unreadable: list[str] = field(default_factory=list)
    reason: str = ""
    several: Counter[str] = field(default_factory=Counter)
    notes: dict[str, None] = field(default_factory=dict)
    reduced: int = 0
    brightest: int = 0

    def report(self) -> None:
        """Remark on frames and on lost levels."""
        if self.notes:
            more = f" The same holds for {len(self.notes) - 1} other files." if len(self.notes) > 1 else ""
            remark(f"{next(iter(self.notes))}{more}")
        if self.several and self.options.step is None:
            self._report_frames()
        if self.reduced and (self.options.wanted or self.brightest < 128):
            remark(
                f"{self.where}: {self.reduced} pictures of 16 bits for each value become pictures of 8, with "
                f"{self.brightest} of 255 as the brightest value"
                f"{', as in the training of the model' if self.options.wanted else ''}. "
                f"{'Leave depth=8 out to keep all levels.' if not self.options.wanted else ''}".rstrip()
            )

    def report_unreadable(self) -> None:
        """Remark on unreadable files, or raise DataError if they aren't to be dropped, or none is left."""
        names = self.unreadable
        if not names:
            return
        shown = listed(names)
        if self.count == 1:
            raise DataError(self.reason)
        if self.options.missing != "drop":
            raise DataError(
                f"{self.where}: {len(names)} of {self.count} pictures can't be read ({shown}): they are damaged or not "
                "pictures. Repair them, or set missing='drop' to leave them out."
            )
        if len(names) == self.count:
            raise DataError(
                f"{self.where}: none of its {self.count} pictures can be read ({shown}): expected at least one. "
                "Give others."
            )
        remark(f"{self.where}: {len(names)} of {self.count} pictures can't be read and are left out: {shown}.")

    def _report_frames(self) -> None:
        (name, count), total = self.several.most_common(1)[0], self.several.total()
        if len(self.several) == 1:
            what = f"{name}: {count} frames are read, each"
        else:
            files = f"{len(self.several)} of {self.count} files have several frames"
            what = f"{self.where}: {files}; {total} in all are read, each"
        remark(
            f"{what} as a sample, such as {name}@0. To read those of a file as the channels of one sample, set "
            "frames='channels'; to read only the first one, frames='first'; every tenth, step=10."
        )


def _light(sample: Sample) -> Sample:
    """The facts of a sample without its values."""
    return Sample(_NOTHING, sample.name, sample.mode, sample.depth, sample.file, sample.group, sample.patient)


_NOTHING = np.empty(0, np.uint8)


def _numbered(keys: Sequence[Hashable]) -> np.ndarray:
    """(N,) whole numbers, equal for equal keys."""
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([order[key] for key in keys], np.int64)
