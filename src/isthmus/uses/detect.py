"""Detect: samples that are unlike what the model was trained on, and what about them is."""

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor

from isthmus.data.gather import join
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.data.tiles import places_of, tiled
from isthmus.drawing import detection
from isthmus.drawing.plates import Section, plate
from isthmus.drawing.rows import Look
from isthmus.drawing.theme import LIGHT
from isthmus.errors import DataError, UseError, nearest
from isthmus.formatting import number, percent
from isthmus.measures.passes import passes
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.model import eval_mode
from isthmus.trained import TrainedModel
from isthmus.trained.tiles import Tiles
from isthmus.uses.arguments import takes_run
from isthmus.uses.cells import Cell, cells_off, usual_row
from isthmus.uses.scores import MOST_CODES, SCORES, Score, batch_size, count_unknown, element_errors, elements_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

By = Literal["error", "unexplained", "likelihood", "distance", "neighbours"]
LEAST_HELD = 50
"""Samples that a validation part needs, for its quantiles to say something."""
DRAWS = 16
MOST_ANOMALOUS = 10
MAPPED = 3
"""Whole pictures, at most, whose maps are kept and drawn."""


@dataclass(frozen=True, eq=False)
class Detector:
    """A score, and from where on a sample counts as anomalous.

    by: which score. threshold: the `quantile` of `usual`, the scores (M,) of the run's own samples; `part` says of
    which part: validation, or train where the run has none (then the model has seen them, and the threshold is low).
    """

    by: By
    model: Autoencoder
    score: Score
    threshold: float
    quantile: float
    part: str
    usual: Tensor

    def scores(self, samples: Samples) -> Tensor:
        """(N,) float64 scores of samples that the run has read (`Run.read`)."""
        with eval_mode(self.model):
            scores = torch.cat(
                [self.score(raw, labels) for raw, labels in samples.labelled(batch_size(self.model, self.by))]
            )
        return self._with_unknown(scores, samples)

    def _with_unknown(self, scores: Tensor, samples: Samples) -> Tensor:
        """(N,) scores, above all of the run's own where a category is unknown, whatever the other cells say."""
        unknown = count_unknown(self.model, samples)
        if not bool(unknown.any()):
            return scores
        most = self.usual[self.usual.isfinite()].max()
        step = (most - self.usual.nanmedian()).clamp(min=1e-6)
        return torch.where(unknown > 0, torch.maximum(scores, most) + unknown * step, scores)

    def map(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, C, H, W) raw pictures to (N, H, W) scores, of a model of patches: of the tiles that lie over each pixel.

        The tiles lie half over each other, and one fades into the next.
        """

        def use(model: Autoencoder, tiles: Tensor) -> Tensor:
            scores = self.scores(Samples(tiles, kind="pictures")).float()
            return scores.nan_to_num(math.inf, math.inf).view(-1, 1, 1, 1).expand(-1, *model.shape)

        return Tiles(self.model, as_learnt=True)(pictures, use)[:, 0]

    def where(self, samples: Samples) -> Tensor:
        """(N, *shape) the squared errors of each number, scaled: where in a sample it is anomalous."""
        return element_errors(self.model, samples)


@dataclass(frozen=True)
class Anomaly:
    """One of the most anomalous samples of a source.

    sample: its number, from 0; of whole pictures for a model of patches, the tile's. name: where it has one; a tile's
    says its place, "photo@32,0.png". columns: of a table, those that are furthest off, each as (name, given, what the
    others suggest, share of the sample's squared error that putting it right takes away, after those before it), in raw
    units; categories by their names (`isthmus.uses.cells`).
    """

    sample: int
    score: float
    name: str = ""
    columns: tuple[Cell, ...] = ()


@dataclass(frozen=True, eq=False)
class Mapped:
    """A whole picture that a model of patches was given: where in it is what the model has not seen.

    name: of the picture. picture: (C, H, W), raw. scores: (H, W) float32, as `Detector.map` gives them. worst: row and
    column of the first pixel, and score, of those of its tiles that are among the most anomalous, most anomalous first.
    """

    name: str
    picture: Tensor
    scores: Tensor
    worst: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True, eq=False)
class Detection:
    """What was found among the samples of a source.

    scores: (N,) float64. by, threshold, quantile, part: as in `Detector`. most_anomalous: the highest scores,
    highest first. samples: those of the most anomalous. skipped: names of pictures that could not be read.
    tile: height and width of the tiles that whole pictures were covered by, for a model of patches: then each tile is a
    sample. pictures: with the most anomalous tiles, most anomalous first, at most so many as `MAPPED`.
    """

    scores: Tensor
    by: By
    threshold: float
    quantile: float
    part: str
    most_anomalous: tuple[Anomaly, ...]
    samples: Samples
    skipped: tuple[str, ...] = ()
    tile: tuple[int, int] | None = None
    pictures: tuple[Mapped, ...] = ()

    @property
    def anomalous(self) -> Tensor:
        """(N,) bool: which scores lie over the threshold; one that is not finite does."""
        return over(self.scores, self.threshold)

    def to_json(self) -> dict[str, Any]:
        """The counts, the threshold, and the most anomalous samples with what is anomalous about them."""
        keys = ("column", "given", "expected", "share")
        rows = [
            {"sample": one.sample, "score": one.score}
            | ({"name": one.name} if one.name else {})
            | ({"columns": [dict(zip(keys, column, strict=True)) for column in one.columns]} if one.columns else {})
            for one in self.most_anomalous
        ]
        return {
            "by": self.by,
            "threshold": self.threshold,
            "quantile": self.quantile,
            "part": self.part,
            "samples": len(self.scores),
            "anomalous": int(self.anomalous.sum()),
            "skipped": list(self.skipped),
            "most_anomalous": rows,
            **({} if self.tile is None else {"tile": list(self.tile)}),
        }


@takes_run
def detector(run: TrainedModel, by: By = "error", *, quantile: float = 0.99, draws: int = DRAWS) -> Detector:
    """What tells anomalous samples, learnt from the run's own data.

        anomalous = detector(run, "neighbours").scores(run.read("new.parquet"))

    by: "error", how badly a sample comes back (mean squared error, scaled; a category is right or 1 off);
        "unexplained", the share of a picture's or a series' own variance, around the mean of each channel, that does
        not come back: smooth samples, which come back with small errors, are not taken for known ones by it;
        "likelihood", -log p(x) in nats by importance weighting with `draws` draws (the negative ELBO with one);
        "distance", the Mahalanobis distance of its code from the training codes;
        "neighbours", its code's mean distance to the 5 nearest of (at most 5,000) training codes.
    quantile: the share of the run's own samples that lie below the threshold; of the validation part where there are 50
        or more, else of the training part.

    Raises:
        UseError: the model has no such score. DataError: the quantile is none, or the data can't be opened again.

    Source: simple samples score low: Serrà et al., Input complexity and out-of-distribution detection with
    likelihood-based generative models, ICLR (2020); Mahalanobis distance in features: Lee et al., A simple unified
    framework for detecting out-of-distribution samples, NeurIPS (2018); nearest neighbours: Sun et al., ICML (2022).
    """
    if by not in get_args(By):
        raise DataError(f"There is no score {by!r}. {nearest(str(by), get_args(By))}")
    if not 0 < quantile < 1:
        raise DataError(f"quantile={quantile:g} is no share of samples: expected more than 0 and less than 1.")
    data = run.open()
    part = "validation" if len(data.validation) >= LEAST_HELD else "train"
    reference = data.parts[part].some(MOST_CODES)
    run.model.eval()  # for good, as several threads may score at once
    with eval_mode(run.model):
        score, usual = SCORES[by](run, data.train, reference, part == "train", draws)
        if usual is None:
            usual = torch.cat([score(raw, labels) for raw, labels in reference.labelled(batch_size(run.model, by))])
    known = usual[usual.isfinite()]
    if not len(known):
        raise UseError(
            "None of the model's own samples has a finite score: training has diverged. See: isthmus doctor."
        )
    threshold = float(known.quantile(quantile, interpolation="higher"))
    return Detector(by, run.model, score, threshold, quantile, part, usual)


@takes_run
def detect(
    run: TrainedModel,
    source: Any,
    by: By = "error",
    *,
    quantile: float = 0.99,
    draws: int = DRAWS,
    each: Callable[[Samples, Tensor, float], object] | None = None,
    **read_options: Any,
) -> Detection:
    """Score every sample of a source, and say which the model has not seen the like of.

        found = ist.detect(run, "new.csv", by="error")
        print(int(found.anomalous.sum()), found.most anomalous[0])

    The source is read in pieces: but for its scores, memory does not grow with it. For a model of patches, whole
    pictures are covered by tiles of its size, each of which is scored by itself: `most_anomalous` names their
    places, and `pictures` maps them.

    by, quantile, draws: as for `detector`. each: called with every piece, its scores and the threshold, to write them.
    read_options: how to read the source, as for `read_samples`, where that differs from the training data: a photograph
    for a model of small grey pictures needs size= and mode=.

    Raises:
        UseError, DataError: as `detector`; or the source can't be read, or does not fit the model.
    """
    found = detector(run, by, quantile=quantile, draws=draws)
    tile = (run.model.shape[1], run.model.shape[2]) if run.covers(source, read_options) else None
    stream = run.stream(source, **read_options) if tile is None else run.pictures(source, **read_options)
    scores, kept = array("d"), _Kept()  # one block: small ones, a piece each, would keep the memory between them
    places = _Places()

    def use(piece: Samples) -> tuple[Samples, Tensor]:
        samples = piece if tile is None else tiled(piece, tile)
        return samples, found.scores(samples)

    for piece, (samples, new) in stream.through(use):
        scores.frombytes(new.double().numpy().tobytes())
        if each is not None:
            each(samples, new, found.threshold)
        kept.add(samples, new)
        if tile is not None:
            places.add(piece, new, tile)
    if kept.samples is None:
        raise DataError("There are no samples to judge: expected at least one.")
    found_scores = torch.frombuffer(scores, dtype=torch.float64)
    columns = _columns(run, kept.samples)
    most_anomalous = tuple(
        Anomaly(
            number,
            float(found_scores[number]),
            kept.samples.names[place] if kept.samples.names else "",
            columns[place] if columns else (),
        )
        for place, number in enumerate(kept.numbers)
    )
    skipped = tuple(stream.skipped)
    pictures = places.mapped(found, float(most_anomalous[-1].score)) if tile is not None else ()
    return Detection(
        found_scores, by, found.threshold, quantile, found.part, most_anomalous, kept.samples, skipped, tile, pictures
    )


class _Kept:
    """The most anomalous samples so far, most anomalous first."""

    def __init__(self) -> None:
        self.samples: Samples | None = None
        self.scores, self.numbers, self.done = torch.zeros(0, dtype=torch.float64), [], 0

    def add(self, piece: Samples, scores: Tensor) -> None:
        """The next samples, of which those stay that are among the most anomalous of all."""
        new = most_anomalous_of(scores)
        taken = piece.take(new)
        both = taken if self.samples is None else join([self.samples, taken])
        values = torch.cat([self.scores, scores[list(new)]])
        numbers = [*self.numbers, *(self.done + place for place in new)]
        order = most_anomalous_of(values)
        self.samples, self.scores = both.take(order), values[list(order)]
        self.numbers, self.done = [numbers[place] for place in order], self.done + len(piece)


class _Places:
    """The whole pictures with the most anomalous tiles so far."""

    def __init__(self) -> None:
        self.best: list[tuple[float, str, Tensor, list[tuple[int, int, float]]]] = []
        self.done = 0

    def add(self, piece: Samples, scores: Tensor, tile: tuple[int, int]) -> None:
        """Whole pictures of one size, and the scores of their tiles."""
        places = places_of((piece.shape[1], piece.shape[2]), tile)
        values = piece.tensor()
        for place, own in enumerate(scores.nan_to_num(math.inf, math.inf).view(len(piece), -1)):
            name = piece.names[place] if piece.names else f"picture {self.done + place}"
            ranked = sorted(zip(own.tolist(), places, strict=True), key=lambda each: -each[0])[:MOST_ANOMALOUS]
            tiles = [(row, column, score) for score, (row, column) in ranked]
            self.best.append((ranked[0][0], name, values[place], tiles))
        self.best = sorted(self.best, key=lambda each: -each[0])[:MAPPED]
        self.done += len(piece)

    def mapped(self, found: Detector, least: float) -> tuple[Mapped, ...]:
        """These pictures with their maps, and those of their tiles with this score or a higher one."""
        return tuple(
            Mapped(
                name, picture, found.map(picture[None].float())[0], tuple(each for each in tiles if each[2] >= least)
            )
            for _, name, picture, tiles in self.best
        )


def over(scores: Tensor, threshold: float) -> Tensor:
    """(N,) bool: which scores lie over the threshold, or are not finite."""
    return ~(scores <= threshold)


def most_anomalous_of(scores: Tensor, most: int = MOST_ANOMALOUS) -> tuple[int, ...]:
    """The numbers of the highest scores, highest first; what is not finite comes before all."""
    scores = scores.nan_to_num(math.inf, math.inf)
    high = (scores >= scores.topk(min(most, len(scores))).values[-1:]).nonzero().flatten()  # to sort all takes longer
    order = high[scores[high].sort(descending=True, stable=True).indices]
    return tuple(order[:most].tolist())


def _columns(run: TrainedModel, samples: Samples) -> list[tuple[Cell, ...]]:
    """The cells that are off in each row of a table; nothing of other samples."""
    return cells_off(run.model, samples, usual_row(run.open().train), Look.of(run)) if samples.kind == "table" else []


def draw_places(found: Detection, scaling: Scaling, theme: "Theme" = LIGHT) -> "Figure":
    """The pictures with the most anomalous tiles, which are framed, and next to each the map of its scores.

    Raises:
        UseError: the detection was not of whole pictures by a model of patches.
    """
    if found.tile is None:
        raise UseError("Places are drawn of whole pictures that a model of patches was given. Use draw_most_anomalous.")
    light = [scaling(each.picture.float()[None])[0].cpu() for each in found.pictures]
    return detection.place_maps(
        [(each.name, picture, each.scores, each.worst) for each, picture in zip(found.pictures, light, strict=True)],
        found.tile,
        found.threshold,
        bounds=scaling.range,
        theme=theme,
    )


def draw_most_anomalous(
    model: Autoencoder,
    samples: Samples,
    titles: Sequence[str] = (),
    theme: "Theme" = LIGHT,
    *,
    cells: Sequence[tuple[Cell, ...]] = (),
) -> "Figure":
    """What about these samples is anomalous: where in pictures, when in series, by which cells of a table.

    titles: of the samples, their scores for example. cells: of a table, what is off in each row (`Anomaly.columns`).
    """
    if samples.kind == "table":
        return detection.cell_shares([[(cell[0], cell[3]) for cell in row] for row in cells], titles, theme=theme)
    with eval_mode(model):
        out = list(passes(model, samples, batch_size(model), damage=False))
    errors = torch.cat([elements_of(model, each) for each in out])
    clean, made = (
        torch.cat([getattr(each, name).float().cpu() for each in out]) for name in ("clean", "reconstruction")
    )
    if samples.kind == "series":
        return detection.series_heat(clean, made, errors, titles=titles, theme=theme)
    return detection.picture_heat(clean, made, errors, bounds=model.scaling.range, titles=titles, theme=theme)


def section(run: TrainedModel) -> Section | None:
    """The scores of the run's test part beside the threshold, and its most anomalous samples; None without a test part.

    Nor of a model that puts damaged samples right, which brings back whole ones of any kind.
    """
    test = run.open().test.some(2000)
    if not len(test) or run.model.restores:
        return None
    try:
        found = detector(run)
    except UseError:
        return None
    scores = found.scores(test)
    share = float((scores > found.threshold).double().mean())
    chosen = most_anomalous_of(scores, 8)
    most_anomalous, titles = test.take(chosen), [f"{float(scores[i]):.2g}" for i in chosen]
    cells = _columns(run, most_anomalous)
    groups = {found.part: found.usual, "test": scores}
    out = ", which the model was trained on" if found.part == "train" else ""
    what = {
        "pictures": "where the error lies",
        "series": "when the error is large",
        "table": "and the columns that explain it",
    }[test.kind]
    plates = [
        plate(
            "Scores",
            lambda theme: detection.score_histogram(groups, found.threshold, "mean squared error", theme=theme),
            f"Histogram of the scores of the {found.part} and the test part; threshold {number(found.threshold)}.",
            f"How badly samples come back. Dashed: {percent(found.quantile)} of the {found.part} part{out} stay below.",
        ),
        plate(
            "The most anomalous samples",
            lambda theme: draw_most_anomalous(run.model, most_anomalous, titles, theme, cells=cells),
            f"The {len(chosen)} test samples with the highest scores, {what}.",
            f"The test samples with the highest scores, {what}.",
        ),
    ]
    words = (
        f"Of {len(test)} test samples {percent(share)} lie above the threshold; {percent(1 - found.quantile, 0)} are "
        "expected. Other data are judged by: isthmus detect RUN SOURCE.",
    )
    return Section("What the model has not seen", plates, words)
