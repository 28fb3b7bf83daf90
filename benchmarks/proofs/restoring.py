"""What the proofs of `restore` share: the tasks, the rivals that learn nothing, and the table of both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from skimage import restoration as filters
from skimage.filters import unsharp_mask
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from isthmus.drawing.figures import picture_grid
from isthmus.parts import Corruption
from isthmus.uses.restore import scores

Rival = Callable[[np.ndarray, np.ndarray | None, float], np.ndarray]
"""(H, W, C) damaged picture, (H, W) what is lost, a strength to (H, W, C)."""


COMPACT = (16, 32)
"""Channels, fewer than the recipes have, so that a core trains each model in a minute or two."""
OWN = "Isthmus"
PLAIN = ("clean", "damaged")
SETTINGS: dict[str, Any] = {
    "learning_rate": 3e-3, "warmup": 0.3, "schedule": "cosine", "batch_size": 8, "clip": 1.0,
}  # fmt: skip
"""Of each training: without the slow beginning, so large a rate leaves some networks at doing nothing."""


@dataclass(frozen=True)
class Task:
    """A recipe with its options, and what is better than nothing without learning, each with strengths to choose from.

    nothing: what doing nothing is called; it is among the rivals. times: how often the proof's epochs.
    """

    recipe: str
    nothing: str = "nothing"
    times: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    rivals: dict[str, tuple[Rival, tuple[float, ...]]] = field(default_factory=dict)


def median(damaged: np.ndarray, _: Any, size: float) -> np.ndarray:
    """The median of size × size pixels."""
    return ndimage.median_filter(damaged, size=(int(size), int(size), 1))


def non_local_means(damaged: np.ndarray, _: Any, strength: float, sigma: float = 0.1) -> np.ndarray:
    """Buades et al. (2005); `strength` as a multiple of the noise's σ, which it is told."""
    colours = damaged.shape[2] > 1  # of one channel, scikit-image wants no axis
    how = {"patch_size": 5, "patch_distance": 6, "fast_mode": True, "channel_axis": 2 if colours else None}
    made = filters.denoise_nl_means(damaged if colours else damaged[..., 0], h=strength * sigma, sigma=sigma, **how)
    return made.reshape(damaged.shape)


def total_variation(damaged: np.ndarray, _: Any, weight: float) -> np.ndarray:
    """Chambolle (2004)."""
    return filters.denoise_tv_chambolle(damaged, weight=weight, channel_axis=2)


def biharmonic(damaged: np.ndarray, lost: np.ndarray | None, _: float) -> np.ndarray:
    """Damelin & Hoang (2018)."""
    return filters.inpaint_biharmonic(damaged, lost, split_into_regions=True, channel_axis=2)


def unsharp(damaged: np.ndarray, _: Any, amount: float) -> np.ndarray:
    """What most programs call sharpening, with the blur's own radius."""
    return unsharp_mask(damaged, radius=1.5, amount=amount, channel_axis=2)


def wiener(damaged: np.ndarray, _: Any, balance: float) -> np.ndarray:
    """Deconvolution that is told the blur."""
    steps = np.arange(-5, 6)
    line = np.exp(-(steps**2) / (2 * 1.5**2))
    blur = np.outer(line, line) / line.sum() ** 2
    wide = np.pad(damaged, ((12, 12), (12, 12), (0, 0)), mode="edge")
    made = [filters.wiener(wide[..., colour], blur, balance, clip=False) for colour in range(damaged.shape[2])]
    return np.stack(made, 2)[12:-12, 12:-12]


TASKS = {
    "denoise": Task(
        "denoise",
        rivals={
            "median": (median, (3, 5)),
            "non-local means": (non_local_means, (0.6, 0.8, 1.0)),
            "total variation": (total_variation, (0.05, 0.1, 0.15)),
        },
    ),
    "upscale 2": Task("upscale", nothing="bicubic"),
    "inpaint": Task("inpaint", nothing="smooth filling", rivals={"biharmonic": (biharmonic, (0,))}),
    "recolour": Task("recolour", nothing="grey", times=2, options={"distance": "psnr", "channels": (16, 32, 32, 32)}),
    "sharpen": Task(
        "sharpen", times=2, rivals={"unsharp mask": (unsharp, (0.5, 1.0, 2.0)), "Wiener": (wiener, (0.001, 0.01, 0.1))}
    ),
    "watermark": Task("watermark", rivals={"median": (median, (3, 5))}),
    "upscale 4": Task("upscale", nothing="bicubic", times=2, options={"factor": 4}),
}


@dataclass(frozen=True)
class Fold:
    """What one model learns from, and is judged on: pictures that nothing was trained or chosen on.

    test: held-out pictures (N, C, H, W) in 0..1 by their names.
    """

    data: ist.Data
    test: Mapping[str, Tensor]


@dataclass(frozen=True)
class Lot:
    """Tasks, by name with options of their recipes, and the folds on each of which a model of its own is trained.

    share: of the task's epochs, where more would learn the few pictures by heart.
    """

    folds: Sequence[Fold]
    chosen: Mapping[str, dict[str, Any]]
    share: float = 1.0


def prove_all(bench: Bench, lots: Sequence[Lot]) -> list[Row]:
    """Train each task's recipe, judge it and its rivals, and draw what each makes of the first pictures of a lot.

    The strengths of the rivals are those that are best on the validation part.
    """
    rows: list[Row] = []
    first: dict[str, list[Tensor]] = {"clean": [], "damaged": [], "best filter": [], OWN: []}
    tasks = [(lot, name) for lot in lots for name in lot.chosen]
    for lot, name in tasks:
        found, made = {}, {}
        for number, fold in enumerate(lot.folds):
            run = train(bench, lot, name, number)
            for where, clean in fold.test.items():
                made[where] = _all_made(name, run, fold.data, clean)
                found[where] = scores({who: made[where][who] for who in made[where] if who not in PLAIN}, clean)
        rows += _rows(name, found)
        best = _best(_mean({where: measures["psnr"] for where, measures in found.items()}))
        each = 8 if len(made) == 1 else 1  # of several, one of each
        shown = {who: torch.cat([of[who][:each] for of in made.values()]) for who in (*PLAIN, best, OWN)}
        bench.draw(picture_grid(shown), _title(name))
        for row, pictures in zip(first.values(), shown.values(), strict=True):
            row.append(pictures[0])
    stacked = {title: torch.stack(pictures) for title, pictures in first.items()}
    bench.draw(picture_grid(stacked, captions=[name for _, name in tasks]))
    return rows


def train(bench: Bench, lot: Lot, name: str, fold: int) -> ist.Run:
    """The task's model of this fold, trained or taken as it is."""
    task = TASKS[name]
    blueprint = ist.recipe(task.recipe, **{"channels": COMPACT} | task.options | lot.chosen[name])
    how = SETTINGS | {"epochs": max(1, round(bench.epochs * task.times * lot.share))}
    return bench.train(f"{_title(name)}-{fold}", blueprint, lot.folds[fold].data, **how)


def _title(name: str) -> str:
    return name.replace(" ", "-")


def _all_made(name: str, run: ist.Run, data: ist.Data, clean: Tensor) -> dict[str, Tensor]:
    """Pictures, (N, C, H, W) each: clean and damaged to look at (`PLAIN`), what each rival makes of them, and `OWN`."""
    task, corruption = TASKS[name], run.model.corruption
    assert corruption is not None
    some = data.scaling(data.validation.batch(torch.arange(min(8, len(data.validation)))))
    damaged, lost = _seen(corruption, clean)
    made = _restored(run, damaged, lost)
    damaged = corruption.as_clean(damaged, tuple(clean.shape[1:])).clamp(0, 1)
    rivals = {task.nothing: damaged, **_rivals(task, damaged, lost, _best_strengths(task, corruption, some))}
    if name == "recolour":
        rivals["mean colour"] = _mean_colour(damaged, data)
    bare = damaged if lost is None else torch.where(lost[:, None], 0, damaged)
    return {"clean": clean, "damaged": bare, **rivals, OWN: made}


def _rows(name: str, found: Mapping[str, dict[str, dict[str, float]]]) -> list[Row]:
    """The mean PSNR and SSIM over all lots of pictures, asked to be better than the best rival's; and each lot's."""
    rows = []
    for measure, unit, digits in (("psnr", "PSNR, dB", 2), ("ssim", "SSIM", 4)):
        values = {where: measures[measure] for where, measures in found.items()}
        mean = _row(f"{name}: {unit}", _mean(values), digits)
        lone = [_row(f"{name}, {where}: {unit}", value, digits) for where, value in values.items() if where]
        if lone:
            ahead = f"; ahead in {sum(bool(row.reached) for row in lone)} of {len(lone)}"
            mean = replace(mean, asked=mean.asked + ahead)
        rows += [mean, *(replace(row, reached=None) for row in lone)]
    return rows


def _row(number: str, values: Mapping[str, float], digits: int) -> Row:
    best = values[_best(values)]
    told = ", ".join(f"{who} {value:.{digits}f}" for who, value in values.items() if who != OWN)
    return Row(number, values[OWN], best, told, values[OWN] > best)


def _mean(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Over all lots of pictures, of each who restores them."""
    return {who: fmean(value[who] for value in values.values()) for who in next(iter(values.values()))}


def _best(values: Mapping[str, float]) -> str:
    """The best rival."""
    return max((who for who in values if who != OWN), key=lambda who: values[who])


def _seen(corruption: Corruption, clean: Tensor) -> tuple[Tensor, Tensor | None]:
    """(N, C, H, W) damaged as a file would be, and (N, H, W) what is lost."""
    draws = corruption.draw(len(clean), tuple(clean.shape[1:]), torch.Generator().manual_seed(0))
    return corruption.kept(corruption(clean, draws)), corruption.hidden(draws)[:, 0] if corruption.hides else None


def _restored(run: ist.Run, damaged: Tensor, lost: Tensor | None) -> Tensor:
    """(N, C, H, W) restored as a file would be."""
    made = []
    for place, picture in enumerate(damaged):
        known = None if lost is None else ~lost[place]
        made.append(ist.restore(run, run.model.scaling.inverse(picture), known=known))
    return (run.model.scaling(torch.stack(made)).clamp(0, 1) * 255).round() / 255


def _rivals(task: Task, damaged: Tensor, lost: Tensor | None, strengths: Mapping[str, float]) -> dict[str, Tensor]:
    made = {}
    for who, (rival, _) in task.rivals.items():
        pictures = []
        for place, picture in enumerate(damaged):
            hole = None if lost is None else lost[place].numpy()
            array = picture.permute(1, 2, 0).double().numpy()
            pictures.append(torch.from_numpy(rival(array, hole, strengths[who])).float().permute(2, 0, 1))
        made[who] = torch.stack(pictures).clamp(0, 1)
    return made


def _best_strengths(task: Task, corruption: Corruption, clean: Tensor) -> dict[str, float]:
    """Each rival's strength with the best PSNR on these pictures."""
    best = {}
    for who, (rival, strengths) in task.rivals.items():
        best[who] = strengths[0]
        if len(strengths) > 1:
            damaged = corruption.as_clean(_seen(corruption, clean)[0], tuple(clean.shape[1:]))
            only = Task(task.recipe, rivals={who: (rival, strengths)})
            made = {str(strength): _rivals(only, damaged, None, {who: strength})[who] for strength in strengths}
            psnrs = scores(made, clean)["psnr"]
            best[who] = float(max(psnrs, key=lambda strength: psnrs[strength]))
    return best


def _mean_colour(grey: Tensor, data: ist.Data) -> Tensor:
    """Grey pictures in the mean colour of the training part: what its colours are off their grey, on average."""
    some = data.scaling(data.train.batch(torch.linspace(0, len(data.train) - 1, 512).long()))
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    off = (some - (some * weights).sum(1, keepdim=True)).mean((0, 2, 3)).view(3, 1, 1)
    return (grey + off).clamp(0, 1)
