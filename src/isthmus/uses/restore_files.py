"""Restoring files: one picture or recording, or a folder of them, each written whole or not at all."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from isthmus.data.folders import picture_files
from isthmus.data.media import Sound
from isthmus.data.media.medium import medium_of
from isthmus.data.options import Options
from isthmus.data.picture_formats import BY_SUFFIX, WRITTEN
from isthmus.data.pictures import decode
from isthmus.data.samples import as_tensor
from isthmus.data.write import open_writer, write_rows
from isthmus.errors import DataError, UseError, nearest
from isthmus.shown import Shown
from isthmus.storage.files import open_regular, unwritable, write_whole
from isthmus.storage.replacing import finish_swap
from isthmus.trained import TrainedModel
from isthmus.trained.tiles import OVERLAP, TILE
from isthmus.uses.arguments import check_damages, takes_run
from isthmus.uses.restore import Restorer
from isthmus.uses.restore_sound import SoundRestorer, recordings

PALETTES = (".gif",)
"""Formats with few colours; PNG is written instead."""
HOW: dict[str, dict[str, Any]] = {
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"quality": 95, "method": 4},
}
"""Options for formats whose defaults would damage the picture again."""

Progress = Callable[[str, int, int, float], object]


@dataclass(frozen=True, repr=False)
class Restored(Shown):
    """The outcome for each picture.

    written: the files that were written. skipped: the names of those that could not be read → the reason. kept: the
    files that existed already and were left unchanged.
    """

    written: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """All three lists, and their lengths."""
        counts = {"restored": len(self.written), "unreadable": len(self.skipped), "there_already": len(self.kept)}
        return {**counts, **asdict(self)}


@takes_run
def restore_files(
    run: TrainedModel,
    source: str | Path,
    target: str | Path,
    *,
    mask: str | Path | None = None,
    tile: int = TILE,
    overlap: int = OVERLAP,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> Restored:
    """Restore a picture file, or every picture below a folder, into a file or a folder of the same names.

    A picture keeps its format, its opacity and whether it is grey; a GIF becomes a PNG. In a folder, unreadable
    pictures are skipped and listed in the result.

    A model of sound restores recordings of any length, in little memory. They keep their length, and their format if it
    is .wav, .flac or .ogg; others become .wav. They get the model's rate and one channel.

    mask: white in the holes, for a model that fills them; for a folder, one file for all pictures or a folder with the
        same names. Without a mask, transparent pixels are filled.
    overwrite: replace existing files. The source is never overwritten.
    resume: leave existing files unchanged and restore the others, to go on where an earlier call stopped. Every file is
        written whole or not at all.
    progress: called as `progress(name, pictures done, pictures in total, share of this one)`.

    Raises:
        DataError: a single picture or a mask can't be read; the target exists already, is the source, or doesn't fit
            it; or both overwrite and resume are given.
        UseError: the model can't restore these pictures (see `Restorer`).
        IsthmusError: the target can't be written to.
    """
    source, target = Path(source).expanduser(), Path(target).expanduser()
    if isinstance(medium_of(run.description), Sound) and mask is None:
        return _restore_sound(SoundRestorer(run), source, target, overwrite, resume, progress)
    if run.description.get("kind") in ("tokens", "series") and mask is None:
        return _restore_samples(run, source, target, overwrite)
    masks = None if mask is None else Path(mask).expanduser()
    if masks is not None and not masks.exists():
        raise DataError(f"{masks} does not exist: expected a mask, as a picture or a folder of pictures.")
    restorer = Restorer(run, tile=tile, overlap=overlap)
    if masks is not None and not restorer.fills:
        raise UseError(
            f"This model fills no holes: it was trained to undo {restorer.model.corruption}. Leave the mask out, or "
            "train the recipe 'inpaint'."
        )
    plan = _plan(source, target)
    _check_free(plan, source, masks, overwrite, resume)
    found, single = Restored(), source.is_file()
    for number, (name, place) in enumerate(plan.items()):
        told = _share(progress, name, number, len(plan))
        if resume and place.exists():
            found.kept.append(str(place))
            continue
        try:
            with open_regular(source if single else source / name) as file:
                values, _ = decode(file, name, Options(depth=8))
        except (DataError, OSError) as error:
            if single:
                raise (
                    error
                    if isinstance(error, DataError)
                    else DataError(f"{name} can't be read ({error.strerror}). Change its permissions, or give another.")
                ) from error
            found.skipped[name] = str(error)
            continue
        picture = as_tensor(values)
        observed = known_pixels(picture, restorer, name, masks)
        made = restored(restorer, picture, observed, told)
        _write(place, made)
        found.written.append(str(place))
    return found


def _restore_samples(run: TrainedModel, source: Path, target: Path, overwrite: bool) -> Restored:
    """Texts, notes or series restored: read, reconstructed a piece at a time, and written in the target's format."""
    check_damages(run, "a corruption, such as the recipe 'text-denoising'")
    if target.exists() and source.exists() and target.samefile(source):
        raise DataError(f"{target} is the source itself: choose another target.")
    if (timewise := run.recordings(source)) is not None:
        made = run.reconstruct(timewise).double().numpy().reshape(timewise.rows, -1)
        return Restored([str(write_rows(target, timewise.table(made), overwrite=overwrite))])
    with open_writer(target, like=run.description or None, overwrite=overwrite) as put:
        for piece, made in run.stream(source).through(run.reconstruct):
            put(made, piece.names, piece.unused)
    return Restored([str(target)])


def _restore_sound(
    restorer: SoundRestorer, source: Path, target: Path, overwrite: bool, resume: bool, progress: Progress | None
) -> Restored:
    """Restore a recording, or those below a folder."""
    plan = _plan(source, target, SOUNDS)
    _check_free(plan, source, None, overwrite, resume)
    found = Restored()
    for number, (name, place) in enumerate(plan.items()):
        if progress is not None:
            progress(name, number, len(plan), 0.0)
        if resume and place.exists():
            found.kept.append(str(place))
            continue
        _make_folder(place)
        try:
            restorer.restore(source if source.is_file() else source / name, place)
        except DataError as error:
            if source.is_file():
                raise
            found.skipped[name] = str(error)
        else:
            found.written.append(str(place))
    return found


@dataclass(frozen=True)
class _Files:
    """A type of files that can be restored, and the words for it.

    one, several: the words. find: the names of those in a folder. written: the suffixes that can be written; files with
    others get the suffix `instead`.
    """

    one: str
    several: str
    find: Callable[[Path], list[str]]
    written: tuple[str, ...]
    instead: str

    def suffixed(self, path: Path) -> Path:
        """The path with a suffix that can be written."""
        return path if path.suffix.lower() in self.written else path.with_suffix(self.instead)


_WRITTEN = tuple(suffix for suffix in WRITTEN if suffix not in PALETTES and BY_SUFFIX[suffix].reader == "pillow")
PICTURES = _Files("picture", "pictures", picture_files, _WRITTEN, ".png")
SOUNDS = _Files("recording", "recordings", recordings, Sound.suffixes, ".wav")


def _plan(source: Path, target: Path, files: _Files = PICTURES) -> dict[str, Path]:
    """The name of every file → the path of its restored one; raises DataError before any work starts."""
    finish_swap(source)
    if source.is_file():
        if target.is_dir():
            target = target / files.suffixed(Path(source.name)).name
        if target.suffix.lower() not in files.written:
            raise DataError(
                f"{target}: can't write a {files.one} as {target.suffix!r}. {nearest(target.suffix, files.written)}"
            )
        plan = {source.name: target}
    elif source.is_dir():
        if target.is_file():
            raise DataError(
                f"{target} is a file: expected a folder for the {files.several} of {source}. Choose another path."
            )
        names = files.find(source)
        if not names:
            some = " or ".join(f"a{suffix}" for suffix in files.written[:2])
            raise DataError(f"{source} has no {files.several} in it: expected files such as {some}.")
        plan = {name: target / files.suffixed(Path(name)) for name in names}
        if len(set(plan.values())) < len(plan):
            plan = {name: target / f"{name}{place.suffix}" for name, place in plan.items()}
    else:
        raise DataError(f"{source} does not exist: expected a {files.one} or a folder of {files.several}.")
    return plan


def _check_free(plan: dict[str, Path], source: Path, masks: Path | None, overwrite: bool, resume: bool) -> None:
    """Raise DataError if a restored file would replace a source or mask, or an existing file without overwrite."""
    if overwrite and resume:
        raise DataError("overwrite=True and resume=True exclude each other: expected one of them. Leave one out.")
    taken = [place for place in plan.values() if place.exists()]
    read = {(source / name if source.is_dir() else source).resolve() for name in plan}
    if masks is not None:
        read |= {path.resolve() for path in (masks.iterdir() if masks.is_dir() else (masks,))}
    if own := [place for place in taken if place.resolve() in read]:
        raise DataError(f"{own[0]} is a source and would be overwritten. Choose another file or folder as the target.")
    if taken and not (overwrite or resume):
        exist = f" and {len(taken) - 1} more exist" if len(taken) > 1 else " exists"
        rest = "" if len(plan) == 1 else ", or resume=True to restore only the others"
        raise DataError(f"{taken[0]}{exist} already. Choose another target, or pass overwrite=True{rest}.")


def _share(progress: Progress | None, name: str, number: int, count: int) -> Callable[[int, int], object] | None:
    if progress is None:
        return None
    progress(name, number, count, 0.0)
    return lambda done, total: progress(name, number, count, done / total)


def known_pixels(picture: Tensor, restorer: Restorer, name: str, masks: Path | None = None) -> Tensor | None:
    """(h, w) which pixels are known, for a model that fills holes: from the mask, otherwise from the opacity."""
    if not restorer.fills:
        return None
    if masks is None:
        if len(picture) not in (2, 4):
            raise UseError(
                f"This model fills holes, but {name} has no transparent pixels to mark them. Give a mask that is white "
                "in the holes (mask=), or a picture that is transparent there."
            )
        return picture[-1] >= 128
    file = masks / name if masks.is_dir() else masks
    same = sorted(file.parent.glob(f"{file.stem}.*")) if not file.exists() else [file]
    if not same:
        raise DataError(f"There is no mask of {name} in {masks}: expected {file.name}. Add it, white in the holes.")
    try:
        with open_regular(same[0]) as opened:
            values, _ = decode(opened, str(file), Options(mode="L", depth=8))
    except OSError as error:
        raise DataError(f"The mask {file} can't be read ({error.strerror}).") from error
    return as_tensor(values[0]) < 128


def restored(
    restorer: Restorer, picture: Tensor, observed: Tensor | None, progress: Callable[[int, int], object] | None = None
) -> Tensor:
    """(C, h, w) uint8 to (C', H, W) uint8."""
    if observed is not None and len(picture) in (2, 4):
        picture = picture[:-1]  # transparent pixels are filled
    opacity = picture[-1:] if len(picture) in (2, 4) else None
    colours = picture if opacity is None else picture[:-1]
    low, high = restorer.bounds or (0.0, 255.0)
    kind = torch.float64 if restorer.model.scaling.precise else torch.float32
    raw = low + colours.to(kind) / 255 * (high - low)
    whole = raw if opacity is None else torch.cat((raw, opacity.float()))
    made = restorer(whole, observed, progress)
    shown = (made - low) / (high - low) * 255
    if opacity is not None:
        shown[-1] = made[-1]
    return shown.round().clamp(0, 255).to(torch.uint8)


def _write(path: Path, picture: Tensor) -> None:
    """One picture, (C, H, W) uint8, in the format of its suffix."""
    values = picture[0].numpy() if len(picture) == 1 else picture.permute(1, 2, 0).contiguous().numpy()
    image = Image.fromarray(values)
    suffix = path.suffix.lower()
    if image.mode in ("LA", "RGBA") and suffix not in (".png", ".webp", ".tif", ".tiff"):
        image = image.convert("L" if image.mode == "LA" else "RGB")
    _make_folder(path)
    write_whole(path, lambda conditioning: image.save(conditioning, **HOW.get(suffix, {})))


def _make_folder(path: Path) -> None:
    """Make the folder of a file, if there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
