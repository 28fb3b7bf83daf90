"""Detect: samples that are unlike the training data, and where in them the difference lies."""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from isthmus.data.gather import join
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.data.tiles import places_of, tiled
from isthmus.drawing.plates import Section, plate
from isthmus.drawing.theme import LIGHT
from isthmus.errors import DataError, UseError
from isthmus.formatting import listed, number, percent
from isthmus.measures.passes import passes
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.model import eval_mode
from isthmus.shown import Card, Shown, Table
from isthmus.trained import TrainedEnsemble, TrainedModel
from isthmus.uses.arguments import takes_run
from isthmus.uses.cells import Cell, cell_tables, cell_words
from isthmus.uses.detector import DRAWS, By, Detector, detector
from isthmus.uses.explanations import Explained, Explanation, Explanations, over
from isthmus.uses.scores import MOST_CODES, batch_size, elements_of
from isthmus.uses.steps import Measured, Steps, StepScores, channels_off, errors_of, measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

MOST_ANOMALOUS = 10
MAPPED = 3
"""The most whole pictures whose maps are kept and drawn."""


@dataclass(frozen=True, repr=False)
class Anomaly(Shown):
    """One of the most anomalous samples of a source.

    sample: its number, counted from 0; for whole pictures and a model of patches, the number of the tile. name: "" if
    it has none; a tile's name contains its position, "photo@32,0.png"; a window's the time of its first step. columns:
    for recordings, the channels with the largest errors at their worst steps; for tables, the reasons of the
    explanation. explanation: for tables, which columns are to blame for the score, and what would make the row normal.
    spread: how far the models of an ensemble disagree on the score; None for one model.
    """

    sample: int
    score: float
    name: str = ""
    columns: tuple[Cell, ...] = ()
    explanation: Explanation | None = None
    spread: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The same as JSON data, without fields that are empty."""
        found: dict[str, Any] = {"sample": self.sample, "score": self.score}
        found |= {} if self.spread is None else {"spread": self.spread}
        found |= {"name": self.name} if self.name else {}
        found |= {"columns": [cell._asdict() for cell in self.columns]} if self.columns else {}
        told = None if self.explanation is None else self.explanation.to_json()["counterfactual"]
        return found | ({} if self.explanation is None else {"counterfactual": told})

    def _card(self) -> Card:
        named = f" ({self.name})" if self.name else ""
        score = number(self.score) + ("" if self.spread is None else f" ± {number(self.spread)}")
        return Card(f"sample {self.sample}{named}, score {score}", tables=cell_tables(self.columns))


@dataclass(frozen=True, eq=False, repr=False)
class Mapped(Shown):
    """A whole picture scored by a model of patches: the map of its anomalies.

    name: of the picture. picture: (C, H, W), raw. scores: (H, W) float32, from `Detector.map`. worst: those of its
    tiles that are among the most anomalous of all, the most anomalous first: row and column of the first pixel, score.
    """

    name: str
    picture: Tensor
    scores: Tensor
    worst: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True, eq=False, repr=False)
class Detection(Shown):
    """The scores of a source's samples, and the most anomalous ones.

    scores: (N,) float64. by, threshold, quantile, part: as in `Detector`. most_anomalous: the samples with the highest
    scores, highest first. samples: their values. skipped: names of pictures that could not be read.
    tile: for a model of patches, height and width of the tiles that cover whole pictures; each tile is then a sample.
    pictures: those with the most anomalous tiles, the most anomalous first; `MAPPED` at most.
    steps: for a model of recordings, the score of each time step; each window of them is then a sample.
    usual: (M,) the scores of the run's own samples, of which the threshold is a quantile.
    reasons: for tables, how many of the anomalous rows have each column as their first reason, the most frequent column
    first; () unless all of these rows were explained (`explain=` of `detect`).
    run: where the model comes from, for `draw`; of an ensemble, the first one.
    spread: (N,) how far the models of an ensemble disagree on each score (their standard deviation); None for one
    model.
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
    steps: Steps | None = None
    usual: Tensor = field(default_factory=lambda: torch.zeros(0))
    reasons: tuple[tuple[str, int], ...] = ()
    run: TrainedModel | None = field(default=None, repr=False)
    spread: Tensor | None = None

    @property
    def anomalous(self) -> Tensor:
        """(N,) bool: which scores lie above the threshold or are not finite."""
        return over(self.scores, self.threshold)

    def to_json(self) -> dict[str, Any]:
        """The counts, the threshold, and the most anomalous samples; for tables, with their anomalous columns."""
        return {
            "by": self.by,
            "threshold": self.threshold,
            "quantile": self.quantile,
            "part": self.part,
            "samples": len(self.scores),
            "anomalous": int(self.anomalous.sum()),
            "skipped": list(self.skipped),
            **({"reasons": dict(self.reasons)} if self.reasons else {}),
            "most_anomalous": [one.to_json() for one in self.most_anomalous],
            **({} if self.tile is None else {"tile": list(self.tile)}),
            **({} if self.steps is None else {"steps": self.steps.to_json()}),
        }

    def draw(self, theme: "Theme" = LIGHT) -> "Figure":
        """The most anomalous samples, and where they are anomalous: pixels, times, cells of a table, tiles, steps."""
        assert self.run is not None
        if self.steps is not None:
            from isthmus.uses.step_pictures import draw_steps  # noqa: PLC0415

            return draw_steps(self.run, self.steps, theme)
        if self.tile is not None:
            return draw_places(self, self.run.model.scaling, theme)
        titles = [number(one.score) if math.isfinite(one.score) else "not finite" for one in self.most_anomalous]
        cells = [one.columns for one in self.most_anomalous]
        return draw_most_anomalous(self.run.model, self.samples, titles, theme, cells=cells)

    def draw_scores(self, theme: "Theme" = LIGHT) -> "Figure":
        """The distribution of the scores and that of the run's own samples, with the threshold."""
        from isthmus.drawing import detection  # noqa: PLC0415

        groups = {self.part: self.usual, "these samples": self.scores}
        return detection.score_histogram(groups, self.threshold, self.by, theme=theme)

    def _card(self) -> Card:
        what = "windows" if self.steps is not None else "samples" if self.tile is None else "tiles"
        words = f"{int(self.anomalous.sum()):,} of {len(self.scores):,} {what} are anomalous "
        words += f"(score {self.by} above {number(self.threshold)})"
        named = any(one.name for one in self.most_anomalous)
        reasons = any(one.columns for one in self.most_anomalous)
        several = self.spread is not None
        head = [
            "sample",
            *(["name"] if named else []),
            "score",
            *(["±"] * several),
            *(["furthest off"] if reasons else []),
        ]
        rows = [
            [
                f"{one.sample}",
                *([one.name] if named else []),
                number(one.score),
                *([] if one.spread is None else [number(one.spread)]),
                *([listed([f"{cell.column} {cell_words(cell)}" for cell in one.columns], 3)] if reasons else []),
            ]
            for one in self.most_anomalous
        ]
        figures = (self.draw_scores,) if self.run is None else (self.draw_scores, self.draw)
        return Card(words, tables=[Table(head, rows, "The highest scores.")], figures=figures)


@takes_run
def detect(
    run: TrainedModel | TrainedEnsemble,
    source: Any,
    by: By | Literal["auto"] = "auto",
    *,
    quantile: float = 0.99,
    draws: int = DRAWS,
    clean: bool = False,
    explain: Explained = "none",
    each: Callable[..., object] | None = None,
    **read_options: Any,
) -> Detection:
    """Score every sample of a source, and find those unlike the training data.

        found = ist.detect(run, "new.csv")
        print(int(found.anomalous.sum()), found.most_anomalous[0])

    The source is read in pieces: apart from the scores, memory does not grow with it. For a model of patches, whole
    pictures are covered by tiles of its size, and each tile is scored by itself: `most_anomalous` contains the tiles'
    positions, and `pictures` their maps. Recordings are cut into windows, and `steps` has a score for each time step.

    run: a run, or an ensemble of runs; `spread` then says how far they disagree on each score.
    by, quantile, draws, clean: as for `detector`.
    explain: which rows of a table are explained (`isthmus.explain`): "all", "anomalous" or "none", apart from the most
        anomalous ones, which always are.
    each: called with every piece, its scores and the threshold, to write them; with `explain`, for a table, also with
        the piece's `Explanations`, and of an ensemble with the disagreement, as spread=.
    read_options: how to read the source, as for `read_samples`, if that differs from the training data: a photograph
        for a model of small grey pictures needs size= and mode=.

    Raises:
        UseError, DataError: as `detector`; or the source can't be read, or does not fit the model.
    """
    found = detector(run, by, quantile=quantile, draws=draws, clean=clean)
    first = run.first if isinstance(run, TrainedEnsemble) else run
    tile = (run.model.shape[1], run.model.shape[2]) if run.covers(source, read_options) else None
    timewise = run.recordings(source, **read_options)
    if timewise is not None:
        stream = timewise.stream()
    else:
        stream = run.stream(source, **read_options) if tile is None else run.pictures(source, **read_options)
    # one block: small ones, a piece each, would keep the memory between them
    scores, spreads, kept = array("d"), array("d"), _Kept()
    places = _Places()
    by_step = None if timewise is None else StepScores(found, timewise)

    reasons: Counter[str] = Counter()

    def use(piece: Samples) -> tuple[Samples, Tensor, Tensor | None, Measured | None, Explanations | None]:
        samples = piece if tile is None else tiled(piece, tile)
        new, spread = found.scores_and_spread(samples)
        parts = None if by_step is None else measured(found, samples, new)
        wanted = explain != "none" and samples.kind == "table"
        explained = found.explain(samples, explain, quick=True, scores=new) if wanted else None
        return samples, new, spread, parts, explained

    for piece, (samples, new, spread, parts, explained) in stream.through(use):
        scores.frombytes(new.double().numpy().tobytes())
        spreads.frombytes(b"" if spread is None else spread.double().numpy().tobytes())
        if explained is not None:
            reasons += explained.often()
        if each is not None:
            more = {} if spread is None else {"spread": spread}
            each(samples, new, found.threshold, *(() if explained is None else (explained,)), **more)
        kept.add(samples, new)
        if by_step is not None and parts is not None:
            by_step.add(samples, new, parts)
        if tile is not None:
            places.add(piece, new, tile)
    if kept.samples is None:
        raise DataError("The source has no samples: expected at least one.")
    found_scores = torch.frombuffer(scores, dtype=torch.float64)
    found_spread = torch.frombuffer(spreads, dtype=torch.float64) if spreads else None
    explanations = found.explain(kept.samples, scores=kept.scores) if kept.samples.kind == "table" else None
    columns = [] if explanations is None else [one.reasons for one in explanations]
    if timewise is not None:
        starts, recordings = timewise.places[kept.numbers], timewise.recordings
        columns = channels_off(
            first,
            kept.samples,
            errors_of(found, kept.samples),
            lambda row, step: recordings.time(int(starts[row, 0]), int(starts[row, 1]) + step),
        )
    most_anomalous = tuple(
        Anomaly(
            number,
            float(found_scores[number]),
            kept.samples.names[place] if kept.samples.names else "",
            columns[place] if columns else (),
            None if explanations is None else explanations[place],
            None if found_spread is None else float(found_spread[number]),
        )
        for place, number in enumerate(kept.numbers)
    )
    skipped = tuple(stream.skipped)
    pictures = places.mapped(found, float(most_anomalous[-1].score)) if tile is not None else ()
    return Detection(
        found_scores,
        found.by,
        found.threshold,
        quantile,
        found.part,
        most_anomalous,
        kept.samples,
        skipped,
        tile,
        pictures,
        None if by_step is None else by_step.steps(run.open().parts[found.part].some(MOST_CODES)),
        found.usual,
        tuple(reasons.most_common()),
        first,
        found_spread,
    )


class _Kept:
    """The most anomalous samples so far, most anomalous first."""

    def __init__(self) -> None:
        self.samples: Samples | None = None
        self.scores, self.numbers, self.done = torch.zeros(0, dtype=torch.float64), [], 0

    def add(self, piece: Samples, scores: Tensor) -> None:
        """Add samples, and keep those that are among the most anomalous of all."""
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
        """Add whole pictures of one size, and the scores of their tiles."""
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
        """These pictures with their maps, and their tiles whose score is at least `least`."""
        return tuple(
            Mapped(name, picture, found.map(picture[None])[0], tuple(each for each in tiles if each[2] >= least))
            for _, name, picture, tiles in self.best
        )


def most_anomalous_of(scores: Tensor, most: int = MOST_ANOMALOUS) -> tuple[int, ...]:
    """The numbers of the highest scores, highest first; scores that are not finite come before all others."""
    scores = scores.nan_to_num(math.inf, math.inf)
    high = (scores >= scores.topk(min(most, len(scores))).values[-1:]).nonzero().flatten()  # to sort all takes longer
    order = high[scores[high].sort(descending=True, stable=True).indices]
    return tuple(order[:most].tolist())


def draw_places(found: Detection, scaling: Scaling, theme: "Theme" = LIGHT) -> "Figure":
    """The pictures with the most anomalous tiles, which are framed, and next to each the map of its scores.

    Raises:
        UseError: the detection was not of whole pictures by a model of patches.
    """
    if found.tile is None:
        raise UseError("Places are drawn of whole pictures that a model of patches was given. Use draw_most_anomalous.")
    from isthmus.drawing import detection  # noqa: PLC0415 Matplotlib takes half a second, which scores don't need

    light = [scaling(each.picture[None])[0].cpu() for each in found.pictures]
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
    """Draw where samples are anomalous: pixels of pictures, times of series, cells of a table.

    titles: of the samples, their scores for example. cells: for tables, the anomalous cells of each row
    (`Anomaly.columns`).
    """
    from isthmus.drawing import detection  # noqa: PLC0415
    from isthmus.drawing.texts import text_heat  # noqa: PLC0415

    if samples.kind == "table":
        return detection.cell_shares(
            [[(cell.column, cell.share) for cell in row] for row in cells], titles, theme=theme
        )
    with eval_mode(model):
        out = list(passes(model, samples, batch_size(model), damage=False))
    errors = torch.cat([elements_of(model, each) for each in out])
    if samples.kind == "tokens" and samples.medium is not None:
        symbols = samples.medium.symbols_of(samples.tensor())
        costs = [row[: len(own)].tolist() for row, own in zip(errors, symbols, strict=True)]
        return text_heat(symbols, costs, titles, theme)
    clean, made = (
        torch.cat([getattr(each, name).float().cpu() for each in out]) for name in ("clean", "reconstruction")
    )
    if samples.medium is not None and samples.medium.pictured:  # a roll, with its highest pitch on top
        clean, made, errors = (each[:, None].flip(2) for each in (clean, made, errors))
    elif samples.kind == "series":
        return detection.series_heat(clean, made, errors, titles=titles, theme=theme)
    return detection.picture_heat(clean, made, errors, bounds=model.scaling.range, titles=titles, theme=theme)


def section(run: TrainedModel) -> Section | None:
    """The scores of the run's test part with the threshold, and its most anomalous samples; None without a test part.

    None for a model that restores damaged samples: it reconstructs whole samples of any kind.
    """
    from isthmus.drawing import detection  # noqa: PLC0415

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
    cells = [one.reasons for one in found.explain(most_anomalous)] if test.kind == "table" else []
    groups = {found.part: found.usual, "test": scores}
    out = ", on which the model was trained," if found.part == "train" else ""
    what = {
        "pictures": "with the place of the error",
        "series": "with the times of large errors",
        "table": "with the columns that explain the score",
        "tokens": "with the tokens that the model did not expect",
    }[test.kind]
    title, unit = "Reconstruction errors", "mean squared error"
    if test.kind == "tokens":
        title, unit = "Costs of the samples", "nats a token"
    plates = [
        plate(
            "Scores",
            lambda theme: detection.score_histogram(groups, found.threshold, unit, theme=theme),
            f"Histogram of the scores of the {found.part} and the test part; threshold {number(found.threshold)}.",
            f"{title}. Dashed: the threshold; {percent(found.quantile)} of the {found.part} part{out} lie below it.",
        ),
        plate(
            "The most anomalous samples",
            lambda theme: draw_most_anomalous(run.model, most_anomalous, titles, theme, cells=cells),
            f"The {len(chosen)} test samples with the highest scores, {what}.",
            f"The test samples with the highest scores, {what}.",
        ),
    ]
    words = (
        f"{percent(share)} of {len(test)} test samples lie above the threshold; {percent(1 - found.quantile, 0)} are "
        "expected. Score other data with: isthmus detect RUN SOURCE.",
    )
    return Section("Anomalous samples", plates, words)
