"""Compressing any source into a file with a model, and getting it back."""

import math
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import torch

from isthmus.codec.blocks import BlockCoder
from isthmus.codec.compressed import Compressed
from isthmus.codec.exact_model import ExactModel
from isthmus.codec.file import CodecFile, Entry, damaged, write_block, write_header, write_index
from isthmus.codec.grid import Grid
from isthmus.codec.methods import ByBitsBack, methods_for
from isthmus.codec.packing import DamagedError
from isthmus.data.ahead import side_by_side
from isthmus.data.samples import SIZES, Samples
from isthmus.data.write import open_writer
from isthmus.errors import DataError, RunError, UseError
from isthmus.measures.likelihood import elbo
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.store import fingerprint
from isthmus.parts import Bce
from isthmus.run import load
from isthmus.storage.files import check_regular, whole_file
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import takes_run

NUMBERS = 2**21
"""Numbers in a block, about."""
REPORTED = 8
"""Pieces that the report shows."""
MEASURED = 500
"""Samples whose negative ELBO is compared with the measured rate."""

Progress = Callable[[int, int | None], object]


@takes_run
def compress(
    run: TrainedModel,
    source: Any,
    target: str | Path,
    *,
    lossless: bool = False,
    max_error: float | None = None,
    quality: float | None = None,
    bits_per_pixel: float | None = None,
    rows: int | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    report: str | Path | None = None,
    progress: Progress | None = None,
    **read_options: Any,
) -> Compressed:
    """Compress a source of any kind into one file with a model, in blocks, in little memory.

        ist.compress(run, "digits.npy", "digits.isth")
        samples = ist.decompress("digits.isth", run=run)

    Without other options nothing is lost: a model with a likelihood codes by bits-back, at the rate of its negative
    ELBO; any other codes its code, and then what its reconstruction misses. Each block is decoded again before the next
    one is written. The file can be decoded on any machine, with any number of threads.

    lossless: nothing is lost, which is the default.
    max_error: instead, no number is off by more than this.
    quality: instead, the code alone is kept, at 0 to 100: at 50, rounding it adds as much squared error as the
        reconstruction has anyway; each 25 steps are a factor of ten.
    bits_per_pixel: instead, the code alone, in about as many bits for each pixel of a picture, or each
        number of other samples.
    rows: samples in a block. jobs: blocks that are coded at the same time.
    report: a page to write, with bytes beside other formats, the rate at each error, and where the bits go.
    progress: called as `progress(samples done, samples in total or None)`.
    read_options: how to read the source, as for `Run.encode`.

    Raises:
        UseError: the model can't be used like this, or the samples can't be coded without loss.
        DataError: the source can't be read, or the target exists.
        IsthmusError: the target can't be written to; nothing is left behind.
    """
    target = Path(target).expanduser()
    check_regular(target)
    if target.exists() and not overwrite:
        raise DataError(f"{target} exists already. Choose another file, or pass overwrite=True.")
    model = run.model
    chosen = {
        "lossless": lossless or None,
        "max_error": max_error,
        "quality": quality,
        "bits_per_pixel": bits_per_pixel,
    }
    _check_options(chosen, jobs)
    exact = ExactModel(model)
    each = math.prod(model.shape)
    methods = methods_for(exact, lossless or max_error is not None, quality, bits_per_pixel)
    rows = rows or max(1, NUMBERS // each)
    whole = run.covers(source, read_options)
    stream = run.pictures(source, **read_options) if whole else run.stream(source, rows=rows, **read_options)
    told: dict[str, Any] = {}

    def encode(piece: Samples) -> tuple[bytes, str]:
        return BlockCoder(exact, piece.kind, piece.dtype, methods, max_error).encode(piece)

    entries: list[Entry] = []
    shown: list[Samples] = []
    names: list[str] = []
    samples = numbers = plain = 0
    bound: float | None = None
    with whole_file(target) as path, path.open("wb") as file:
        start = 0
        for piece, (content, used) in stream.through(encode, workers=jobs):
            if not entries:
                told = {
                    "model": {"name": _name(run), "fingerprint": fingerprint(model)},
                    "kind": piece.kind,
                    "dtype": piece.dtype,
                }
                start = write_header(file, told)
                bound = _elbo(run, piece, used, max_error)
            if piece.dtype != told["dtype"]:
                raise DataError(
                    f"Sample {samples} has the type {piece.dtype}, but those before it {told['dtype']}: expected one "
                    "type. Compress them into two files."
                )
            names.append(used)
            entries.append(write_block(file, start, len(piece), content))
            start += entries[-1].size
            if report is not None and len(shown) < REPORTED and samples < REPORTED * MEASURED:
                shown.append(piece.some(MEASURED))
            samples += len(piece)
            numbers += len(piece) * math.prod(piece.shape)
            plain += len(piece) * math.prod(piece.shape) * SIZES[piece.dtype]
            if progress is not None:
                progress(samples, stream.count)
        write_index(file, entries)
        size = file.tell()
    made = Compressed(
        path=str(target),
        method=max(names, key=names.count),
        samples=samples,
        numbers=numbers,
        blocks=len(entries),
        bytes=size,
        plain=plain,
        bits_per_dimension=8 * size / numbers,
        elbo=bound,
        model=_model_bytes(model),
    )
    if report is not None:
        from isthmus.codec.report import write_codec_report  # noqa: PLC0415 Matplotlib takes half a second

        coder = BlockCoder(exact, shown[0].kind, shown[0].dtype, methods, max_error)
        write_codec_report(run, shown, made, coder, report)
    return made


class Decompressor:
    """A compressed file with its model, block by block or sample by sample.

        with Decompressor("digits.isth", run) as file:
            samples = file[1000:1010]

    Raises:
        DataError: the file is damaged, or isn't one of Isthmus.
        UseError: the run isn't the one that the file was compressed with, or its model has changed.
    """

    def __init__(self, path: str | Path, run: TrainedModel | None = None) -> None:
        self.file = CodecFile(path)
        try:
            self.run = run or _find_run(self.file)
            header = self.file.header
            told = header.get("model", {}).get("fingerprint")
            if told != fingerprint(self.run.model):
                raise UseError(
                    f"{self.file.path} was compressed with another model than {_name(self.run) or 'this one'}: its "
                    f"fingerprint is {str(told)[:16]}, this model's {fingerprint(self.run.model)[:16]}. Give the run "
                    f"that it was compressed with ({header.get('model', {}).get('name') or 'a run in memory'})."
                )
        except BaseException:
            self.file.__exit__()
            raise

    def __enter__(self) -> "Decompressor":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.__exit__()

    def __len__(self) -> int:
        return len(self.file)

    def __getitem__(self, rows: int | slice) -> Samples:
        """Samples by their numbers; only their blocks are read."""
        wanted = range(len(self))[rows] if isinstance(rows, slice) else range(len(self))[rows : rows + 1 or None]
        if not len(wanted):
            raise DataError(f"There are no samples {rows} in {self.file.path}: it has {len(self)}.")
        span = range(min(wanted[0], wanted[-1]), max(wanted[0], wanted[-1]) + 1)
        places = list(self.file.holding(span))
        first = self.file.first(places[0])
        values = _joined([self.block(place) for place in places])
        return values.take([row - first for row in wanted])

    def block(self, place: int) -> Samples:
        """The samples of one block."""
        content = self.file.block(place)
        try:
            return self._coder.decode(content, self.file.entries[place].count)
        except DamagedError as error:
            raise damaged(self.file.path, f"block {place}, samples {self.file.first(place)} on: {error}") from error

    def blocks(self, jobs: int = 1) -> Iterator[Samples]:
        """All blocks in order, `jobs` at the same time."""
        for _, samples in side_by_side(range(len(self.file.entries)), self.block, jobs):
            yield samples

    @cached_property
    def _coder(self) -> BlockCoder:
        header = self.file.header
        kind, dtype = header.get("kind"), header.get("dtype")
        if kind not in ("pictures", "table", "series") or dtype not in tuple(SIZES):
            raise damaged(self.file.path, "its header says nothing about the samples")
        return BlockCoder(ExactModel(self.run.model), kind, dtype, ())


@overload
def decompress(
    source: str | Path,
    target: None = None,
    *,
    run: TrainedModel | None = None,
    rows: slice | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Samples: ...


@overload
def decompress(
    source: str | Path,
    target: str | Path,
    *,
    run: TrainedModel | None = None,
    rows: slice | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path: ...


def decompress(
    source: str | Path,
    target: str | Path | None = None,
    *,
    run: TrainedModel | None = None,
    rows: slice | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Samples | Path:
    """Get back what `compress` put into a file: as samples, or written to a path in the format of its suffix.

    target: as for `open_writer`; None returns the samples, whose pictures must have one size.
    run: the run that the file was compressed with; by default it is loaded from the folder that the file names.
    rows: some of the samples, for example slice(0, 100).

    Raises:
        DataError: the file is damaged, or the target exists or doesn't suit the samples.
        UseError: there is no such run, or its model is another one.
    """
    with Decompressor(source, run) as file:
        if rows is not None or target is None:
            samples = file[rows or slice(None)]
            if target is None:
                return samples
            pieces: Iterator[Samples] = iter([samples])
        else:
            pieces = file.blocks(jobs)
        done = 0
        count = len(file) if rows is None else None
        with open_writer(target, like=file.run.description or None, count=count, overwrite=overwrite) as put:
            for piece in pieces:
                put(piece.tensor(), piece.names)
                done += len(piece)
                if progress is not None:
                    progress(done, count)
    return Path(target).expanduser()


def codec_info(source: str | Path) -> dict[str, Any]:
    """What a compressed file holds, without its model: samples, blocks, bytes, and which model it needs."""
    with CodecFile(source) as file:
        size = file.path.stat().st_size
        return {
            "path": str(file.path),
            **file.header,
            "samples": len(file),
            "blocks": len(file.entries),
            "bytes": size,
            "block_bytes": [entry.size for entry in file.entries],
        }


def _check_options(chosen: dict[str, Any], jobs: int) -> None:
    given = [name for name, value in chosen.items() if value is not None]
    if len(given) > 1:
        raise UseError(f"{given[0]} and {given[1]} exclude each other: expected one of them. Leave one out.")
    for name, most in (("max_error", sys.float_info.max), ("quality", 100), ("bits_per_pixel", 64)):
        value = chosen[name]
        if value is not None and not (0 < value <= most or (name == "quality" and value == 0)):
            bounds = f"0 to {most}" if name == "quality" else "above 0" if most > 100 else f"above 0, {most} at most"
            raise UseError(f"{name} is {value:g}: expected a number {bounds}.")
    if jobs < 1:
        raise UseError(f"jobs is {jobs}: expected a whole number from 1.")


def _find_run(file: CodecFile) -> TrainedModel:
    """The run in the folder that a file names: as named, or next to the file."""
    name = file.header.get("model", {}).get("name")
    if not name or not isinstance(name, str):
        raise UseError(f"{file.path} was compressed with a run in memory. Give that run (run=).")
    for folder in (Path(name), file.path.parent / name, file.path.parent / Path(name).name):
        try:
            if folder.is_dir():
                return load(folder)
        except (RunError, OSError):  # another folder of this name, or a name that can't be one
            continue
    raise UseError(
        f"{file.path} was compressed with the run {name}, which isn't here. Give its folder (--run), or copy it next "
        "to the file."
    )


def _name(run: TrainedModel) -> str:
    return "" if run.folder is None else run.folder.as_posix()


def _joined(parts: list[Samples]) -> Samples:
    if len({part.shape for part in parts}) > 1:
        raise DataError("The pictures have several sizes, so they make no single array. Give a target folder.")
    names = tuple(name for part in parts for name in part.names)
    values = torch.cat([part.tensor() for part in parts])
    return Samples(values=values, kind=parts[0].kind, names=names)


def _elbo(run: TrainedModel, piece: Samples, method: str, max_error: float | None) -> float | None:
    """The negative ELBO in bits per dimension, if it is that of exactly these numbers."""
    distance = run.model.distance
    if method != ByBitsBack.name or max_error is not None or distance.density:
        return None
    if piece.shape != tuple(run.model.shape):
        return None
    if (Grid.natural(piece).values is None) is isinstance(distance, Bce):
        return None  # with a grid of few values, the others get no probability
    bound = -elbo(run.model, piece.some(MEASURED)).value
    return bound / math.log(2) / math.prod(piece.shape)


def _model_bytes(model: Autoencoder) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
