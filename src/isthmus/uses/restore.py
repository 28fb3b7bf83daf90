"""Restoring: damaged pictures of any size, through a model that was trained with a corruption."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from isthmus.data import Samples
from isthmus.data.fit import check_units
from isthmus.data.media import Sound
from isthmus.data.options import Options
from isthmus.data.pictures import decode
from isthmus.data.precision import floating
from isthmus.data.samples import as_tensor
from isthmus.data.sources import called
from isthmus.drawing import figures
from isthmus.drawing.plates import Section, plate
from isthmus.drawing.theme import LIGHT, Theme
from isthmus.errors import DataError, UseError
from isthmus.formatting import number
from isthmus.measures import unit_of
from isthmus.measures.passes import passes
from isthmus.measures.reconstruction import psnr, ssim
from isthmus.measures.sound import sound_measures
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.corruptions.colour import brightness
from isthmus.parts.model import eval_mode
from isthmus.seeds import seeded
from isthmus.shown import Card, Shown, Table
from isthmus.trained import TrainedModel
from isthmus.trained.tiles import OVERLAP, TILE, Progress, Tiles
from isthmus.uses.arguments import check_damages, takes_run

SHOWN, JUDGED = 8, 64
"""Pictures that a report shows, and pictures that it measures."""
RIM = 16
"""Pixels around holes from which the holes are filled."""
REPORTED = 2**20
"""The most numbers in all the pictures that a report measures."""


@dataclass(frozen=True, eq=False, repr=False)
class Restoration(Shown):
    """Pictures or sound damaged as in training and restored by a model, compared with doing nothing.

    scores: "psnr" (dB) and "ssim" → "nothing", "restored" → the mean over the pictures. Both clip at black and white,
        as a file does. Doing nothing enlarges a smaller picture, and leaves a grey one grey. For sound, the measures
        of `isthmus.measures.sound`.
    clean, damaged, restored: (N, *shape), scaled; the damaged ones in the layout of the clean ones.
    """

    scores: dict[str, dict[str, float]]
    clean: Tensor = field(repr=False)
    damaged: Tensor = field(repr=False)
    restored: Tensor = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """The scores, and the number of pictures."""
        return {"pictures": len(self.clean), **self.scores}

    def draw(self, theme: Theme = LIGHT, *, most: int = SHOWN) -> Figure:
        """Some of the pictures, clean, damaged and restored; of sound, the first channel as lines."""
        rows = {"clean": self.clean, "damaged": self.damaged, "restored": self.restored}
        rows = {name: samples[:most] for name, samples in rows.items()}
        if self.clean.ndim == 4:
            return figures.picture_grid(rows, theme=theme)
        lines = {name: samples.reshape(len(samples), -1, samples.shape[-1]) for name, samples in rows.items()}
        return figures.series_lines(lines, theme=theme)

    def _card(self) -> Card:
        rows = [
            (f"{unit_of(name).title} ({unit_of(name).unit})", number(row["nothing"]), number(row["restored"]))
            for name, row in self.scores.items()
        ]
        what = "pictures" if self.clean.ndim == 4 else "recordings"
        table = Table(("mean over them", "damaged", "restored"), rows)
        return Card(f"{len(self.clean)} {what}, damaged and restored", tables=[table], figures=(self.draw,))


class Restorer:
    """A run's model, ready to restore pictures one after another.

    tile, overlap: see `isthmus.trained.tiles.Tiles`.
    bounds: the raw values of black and white, at which the output is clipped; None if the data have no such bounds.

    Raises:
        UseError: the model was trained without a corruption, so it restores nothing; or it takes no pictures.
    """

    def __init__(self, run: TrainedModel, *, tile: int = TILE, overlap: int = OVERLAP) -> None:
        self.model: Autoencoder = run.model.eval()
        check_damages(run, "the recipe 'denoise', 'watermark', 'inpaint', 'recolour', 'upscale' or 'sharpen'")
        if self.model.conditioning.classes:
            raise UseError("This model needs a label with every picture. To restore, train one without a condition.")
        self.tiles = Tiles(self.model, tile, overlap)
        self.bounds = _bounds(run)

    @property
    def fills(self) -> bool:
        """Whether it fills holes, and so needs a mask of them."""
        return self.model.conditioning.mask

    def __call__(self, picture: Tensor, observed: Tensor | None = None, progress: Progress | None = None) -> Tensor:
        """(C, h, w) a damaged picture in the run's raw units to the restored one, (C', H, W).

        A grey model restores each colour channel by itself. A colour model treats a grey picture as one with three
        equal channels. A model that colours converts a colour picture to grey first. A fourth or second channel is
        opacity; it is kept, and enlarged with the picture. In a picture with holes, the known pixels don't change.

        observed: (h, w) False in the holes, for a model that fills them.

        Raises:
            DataError: the picture doesn't have 1 to 4 channels, the mask has another size, or a mask is given and the
                model fills no holes.
            UseError: the model fills holes, and no mask is given.
        """
        if picture.ndim != 3 or not 1 <= len(picture) <= 4:
            raise DataError(
                f"The picture has shape {tuple(picture.shape)}: expected (C, height, width) with 1 to 4 channels C. "
                "Restore several pictures one by one."
            )
        picture = floating(picture)
        if observed is None and bool(picture.isnan().any()):
            observed = ~picture.isnan().any(0)
        self._check_holes(picture, observed)
        seen, clean = self.model.input_shape[0], self.model.shape[0]
        opacity = picture[-1:] if len(picture) in (2, 4) and seen not in (2, 4) else None
        colours = picture if opacity is None else picture[:-1]
        given = self._channels(colours, seen, clean)
        if observed is None:
            made = self._within(self.tiles(given, progress=progress))
        else:
            told = observed.expand(len(given), 1, *observed.shape)
            made = self.tiles(torch.cat((self._filled(given, observed), told), 1), _told, progress)
            made = torch.where(observed, given, self._within(made))
        made = made[:, 0] if len(made) > 1 else made[0]
        if len(colours) == 1 and seen == clean == 3:
            made = brightness(made)
        return made if opacity is None else torch.cat((made, self._enlarged(opacity, made)))

    def _within(self, made: Tensor) -> Tensor:
        return made if self.bounds is None else made.clamp(*self.bounds)

    def _filled(self, given: Tensor, observed: Tensor) -> Tensor:
        """(N, C, h, w) raw with holes filled as in training, before tiling: a tile may contain only part of a rim."""
        scaling, corruption = self.model.scaling, self.model.corruption
        assert corruption.damages
        here = (..., *(_around(~observed.all(axis)) for axis in (1, 0)))
        scaled = scaling(given[here])
        part = scaling.inverse(corruption.filled(scaled, observed[here].to(scaled.device).expand_as(scaled)))
        filled = given.clone()
        filled[here] = part.cpu()
        return filled

    def _check_holes(self, picture: Tensor, observed: Tensor | None) -> None:
        if observed is None:
            if self.fills:
                raise UseError(
                    "This model fills holes, but it has no mask of them. Give observed=, False in the holes; or, for a "
                    "file, a mask that is white there or a picture that is transparent there."
                )
            return
        if not self.fills:
            raise DataError(
                f"This model fills no holes: it was trained to undo {self.model.corruption}. Leave the mask out."
            )
        if observed.shape != picture.shape[1:]:
            raise DataError(
                f"The mask has size {tuple(observed.shape)} (height, width), the picture {tuple(picture.shape[1:])}: "
                "expected the same. Give a mask of the picture's size."
            )

    def _channels(self, colours: Tensor, seen: int, clean: int) -> Tensor:
        """(C, h, w) to (N, seen, h, w): the channels that the model takes."""
        if len(colours) == seen:
            return colours[None]
        if len(colours) == 1:
            return colours.expand(seen, -1, -1)[None]
        if seen == 1 and clean == 1:
            return colours[:, None]
        if seen == 1 and len(colours) == 3:
            return brightness(colours)[None]
        raise DataError(
            f"This picture has {len(colours)} channels, but the model takes pictures with {seen}. "
            "Convert the picture, or train on pictures like it."
        )

    def _enlarged(self, opacity: Tensor, like: Tensor) -> Tensor:
        if opacity.shape[1:] == like.shape[1:]:
            return opacity
        size = like.shape[1:]
        return torch.nn.functional.interpolate(opacity[None], size=size, mode="bilinear", antialias=True)[0]


@takes_run
def restore(
    run: TrainedModel,
    picture: Any,
    *,
    observed: Any = None,
    tile: int = TILE,
    overlap: int = OVERLAP,
    progress: Progress | None = None,
) -> Tensor:
    """Restore a damaged picture of any size, in the run's raw units; returns (C', H, W).

        clean = ist.restore(run, noisy)

    The output is clipped at black and white if the data have such bounds (0 and 255 for bytes). It is not rounded.

    picture: (C, h, w), (h, w), or (h, w, C), an array or tensor; or a Pillow image. For files see `restore_files`.
    observed: (h, w), False in the holes that a model such as `inpaint` should fill.
    tile, overlap: side and overlap of the tiles in which a large picture goes through the model, in pixels of the
        result. progress: called as `progress(done, total)` in tiles.

    Raises:
        DataError, UseError: as `Restorer`; or `picture` is not a picture.
    """
    given = _as_picture(picture)
    if observed is not None:
        observed = torch.as_tensor(observed if isinstance(observed, Tensor) else np.array(observed), dtype=torch.bool)
    made = Restorer(run, tile=tile, overlap=overlap)(given, observed, progress)
    check_units(Samples(given[None], kind="pictures"), run.description, called(picture))
    return made


@takes_run
def restoration(
    run: TrainedModel, source: Any = None, *, most: int | None = None, seed: int = 0, **read_options: Any
) -> Restoration:
    """Damage pictures or sound as in training, restore them, and measure how near both are to the clean ones.

    source: clean pictures in the model's size, or recordings. None: the run's test part (or validation). most: use this
        many of them, evenly spread. seed: of the damage. read_options: to read the source, as for `Run.encode`.

    Raises:
        UseError: the model was trained without a corruption, or takes neither pictures nor sound.
    """
    model, samples = run.model, _chief_part(run) if source is None else run.read(source, **read_options)
    sound = samples.medium if isinstance(samples.medium, Sound) else None
    if not model.corruption.damages or (len(model.shape) != 3 and sound is None):
        Restorer(run)  # raises the error that explains why
    if most is not None:
        samples = samples.some(most)
    generator = seeded(seed)
    made: dict[str, list[Tensor]] = {"clean": [], "damaged": [], "restored": []}
    with eval_mode(model):
        for seen in passes(model, samples, 64, generator=generator, damage=True):
            damaged, output = model.corruption.as_clean(seen.corrupted, model.shape), seen.reconstruction
            if model.corruption.hides:
                output = torch.where(model.corruption.hidden(seen.draws["corruption"]), output, damaged)
            for name, pictures in (("clean", seen.clean), ("damaged", damaged), ("restored", output)):
                made[name].append(_cut_off(pictures, model).cpu())
    clean, damaged, restored = (torch.cat(pictures) for pictures in made.values())
    rivals = {"nothing": damaged, "restored": restored}
    measured = scores(rivals, clean) if sound is None else _sound_scores(rivals, clean, sound, run)
    return Restoration(measured, clean, damaged, restored)


def scores(rivals: Mapping[str, Tensor], clean: Tensor) -> dict[str, dict[str, float]]:
    """Measure → rival → its mean over (N, C, H, W) pictures in 0..1: how near they are to the clean ones."""
    return {
        name: {who: float(measure(pictures, clean).mean()) for who, pictures in rivals.items()}
        for name, measure in (("psnr", psnr), ("ssim", ssim))
    }


def _sound_scores(
    rivals: Mapping[str, Tensor], clean: Tensor, sound: Sound, run: TrainedModel
) -> dict[str, dict[str, float]]:
    """Measure → rival → its mean over scaled samples of sound, (N, *shape), that aren't silent."""
    raw = run.model.scaling.inverse
    found = {who: sound_measures(sound, raw(of).cpu(), raw(clean).cpu()) for who, of in rivals.items()}
    return {name: {who: float(of[name].nanmean()) for who, of in found.items()} for name in found["nothing"]}


def section(run: TrainedModel) -> Section | None:
    """Restored pictures for the report; None if the model was trained without a corruption, or not on pictures."""
    if not run.model.corruption.damages or len(run.model.shape) != 3 or _chief_part(run).kind != "pictures":
        return None
    most = max(1, min(JUDGED, REPORTED // torch.Size(run.model.shape).numel()))
    found = restoration(run, most=most)
    told = {name: {who: number(value, digits=4) for who, value in row.items()} for name, row in found.scores.items()}
    which = "of the training part" if _chief_part(run) is run.open().train else "not used in training"
    words = (
        f"{len(found.clean)} pictures {which}, damaged as in training ({run.model.corruption.said}). "
        f"PSNR: {told['psnr']['nothing']} dB damaged, {told['psnr']['restored']} dB restored. "
        f"SSIM: {told['ssim']['nothing']} damaged, {told['ssim']['restored']} restored."
    )
    shown = plate(
        "Restored",
        found.draw,
        f"{min(SHOWN, len(found.clean))} pictures, each clean, damaged and restored. {words}",
        "From top to bottom: the clean pictures, the damaged ones that the model gets, and the restored ones.",
    )
    return Section("Restoration", [shown], [words])


def _as_picture(given: Any) -> Tensor:
    """(C, h, w) of an array, a tensor or a Pillow image; channels may come last."""
    if isinstance(given, str | os.PathLike):
        raise DataError(
            f"{os.fspath(given)!r} is a path: expected a picture. Use ist.restore_files for files, or pass "
            f"PIL.Image.open({os.fspath(given)!r})."
        )
    if isinstance(given, Image.Image):
        return as_tensor(decode(given, "The picture", Options(depth=8))[0])
    if not isinstance(given, Tensor):
        try:
            given = as_tensor(np.asarray(given))
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{called(given)} is not a picture: expected an array or tensor of numbers, or a Pillow image."
            ) from error
    given = given[None] if given.ndim == 2 else given
    return given.movedim(-1, 0) if given.ndim == 3 and len(given) > 4 >= given.shape[-1] else given


def _around(lost: Tensor) -> slice:
    """From a little before the first True to a little after the last: the holes of a picture and their rim."""
    places = lost.nonzero()
    if not len(places):
        return slice(0, 1)
    return slice(max(0, int(places[0]) - RIM), int(places[-1]) + 1 + RIM)


def _told(model: Autoencoder, tiles: Tensor) -> Tensor:
    """Reconstruct (N, C + 1, h, w): channels, followed by a plane that is 1 where they are known."""
    given = tiles[:, :-1]
    return model.reconstruct(given, observed=(tiles[:, -1:] > 0).expand_as(given))


def _chief_part(run: TrainedModel) -> Samples:
    data = run.open()
    return next((part for part in (data.test, data.validation) if len(part)), data.train)


def _bounds(run: TrainedModel) -> tuple[float, float] | None:
    """The raw values of black and white."""
    scaling = run.model.scaling
    if scaling.range is not None:
        low, high = (float(scaling.inverse(scaling.scale.new_tensor(bound))) for bound in scaling.range)
        return low, high
    return (0.0, 255.0) if run.description.get("dtype") == "uint8" else None


def _cut_off(pictures: Tensor, model: Autoencoder) -> Tensor:
    """Clip to 0..1 if the model's data have bounds."""
    low, high = model.scaling.range or (0.0, 1.0)
    pictures = (pictures.float() - low) / ((high - low) or 1.0)
    return pictures.clamp(0, 1) if model.scaling.range else pictures
