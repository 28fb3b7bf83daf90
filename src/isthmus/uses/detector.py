"""Detector: a score of samples and its threshold, learnt from a run's own data."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor

from isthmus.data.media import Recording
from isthmus.data.media.medium import medium_of
from isthmus.data.samples import Samples
from isthmus.drawing.look import Look
from isthmus.errors import DataError, UseError, nearest
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import OneClass
from isthmus.parts.model import eval_mode
from isthmus.shown import Shown
from isthmus.trained import TrainedEnsemble, TrainedModel
from isthmus.trained.ensemble import Combine, combined
from isthmus.trained.tiles import Tiles
from isthmus.uses.arguments import takes_run
from isthmus.uses.explanations import Explained, Explainer, Explanations
from isthmus.uses.scores import (
    MOST_CODES,
    SCORES,
    CombinedWindows,
    Own,
    Score,
    batch_size,
    count_unknown,
    element_errors,
)
from isthmus.uses.usual import Usual

By = Literal["error", "unexplained", "likelihood", "distance", "neighbours", "centre", "prototypes", "combined"]
RARE = 0.9
"""The share of a run's own samples below the score that counts as 1 in an ensemble."""
LEAST_HELD = 50
"""Samples that a validation part needs for meaningful quantiles."""
DRAWS = 16


@dataclass(frozen=True, eq=False, repr=False)
class Detector(Shown):
    """A score, and the threshold above which a sample counts as anomalous.

    by: which score. threshold: the `quantile` of `usual`, the (M,) scores of the run's own samples. part: where these
    samples come from: validation, or train if the run has no validation part (the model was trained on them, so the
    threshold is too low). run: where the model comes from, for `explain`.
    """

    by: By
    model: Autoencoder
    score: Score
    threshold: float
    quantile: float
    part: str
    usual: Tensor
    run: TrainedModel | None = field(default=None, repr=False)

    def scores(self, samples: Samples) -> Tensor:
        """(N,) float64 scores of samples that the run has read (`Run.read`)."""
        return self.scores_and_spread(samples)[0]

    def scores_and_spread(self, samples: Samples) -> tuple[Tensor, Tensor | None]:
        """The same; and (N,) how far the models of an ensemble disagree on each score, None for one model."""
        found: list[Tensor] = []
        spread: list[Tensor] = []
        with eval_mode(self.model):
            for raw, labels in samples.labelled(batch_size(self.model, self.by)):
                if not isinstance(self.score, Together):
                    found.append(self.of_batch(raw, labels))
                    continue
                each = self.score.each(raw, labels)
                found.append(self._with_unknown(raw, combined(each, self.score.combine)))
                spread.append(each.std(0, correction=0))
        return torch.cat(found), torch.cat(spread) if spread else None

    def of_batch(self, raw: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N,) float64 scores of (N, *shape) raw samples, all at once, with the model in evaluation mode.

        A row with an unknown category scores above all the run's own, whatever its other cells are.
        """
        return self._with_unknown(raw, self.score(raw, labels))

    def _with_unknown(self, raw: Tensor, scores: Tensor) -> Tensor:
        if not any(self.model.scaling.levels):
            return scores
        unknown, (most, step) = count_unknown(self.model, raw), self.beyond
        return torch.where(unknown > 0, scores.clamp(min=most) + unknown.double() * step, scores)

    @functools.cached_property
    def beyond(self) -> tuple[float, float]:
        """The highest of the usual scores, and what each unknown category adds to a score or to that one."""
        most = float(self.usual[self.usual.isfinite()].max())
        return most, max(most - float(self.usual.nanmedian()), 1e-6)

    def map(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, C, H, W) raw pictures to (N, H, W) scores, for a model of patches: at each pixel, those of its tiles.

        Neighbouring tiles overlap by half, and one fades into the next.
        """

        def use(model: Autoencoder, tiles: Tensor) -> Tensor:
            scores = self.scores(Samples(tiles, kind="pictures")).float()
            return scores.nan_to_num(math.inf, math.inf).view(-1, 1, 1, 1).expand(-1, *model.shape)

        return Tiles(self.model, as_learnt=True)(pictures, use)[:, 0].float()

    def explain(
        self, samples: Samples, which: Explained = "all", *, quick: bool = False, scores: Tensor | None = None
    ) -> Explanations:
        """Why each of (N, D) rows of a table has its score: `explain(…)[0].reasons`.

        which: "anomalous" explains the rows above the threshold only. quick: whether the other rows are searched
        quickly, for one reason at most, which takes a tenth of the time. scores: those of `scores`, if you have them.

        Raises:
            UseError: the samples are no rows of a table.
            DataError: the run's data can't be opened again.
        """
        if samples.kind != "table":
            raise UseError(
                f"Only rows of a table are explained column by column, and these samples are {samples.kind}. Use "
                "Detector.where for the place of the error."
            )
        scores = self.scores(samples) if scores is None else scores
        return self._explainer(samples, scores, which, quick=quick)

    @functools.cached_property
    def _explainer(self) -> Explainer:
        assert self.run is not None
        model, run = self.model, self.run

        def score(raw: Tensor, labels: Tensor | None) -> Tensor:
            return self.scores(Samples(raw, labels=labels, kind="table"))

        usual = Usual.of(run.open().train, model.scaling.levels, holes=model.conditioning.mask)
        known = self.usual[self.usual.isfinite()]
        return Explainer(score, model, Look.of(run), usual, self.threshold, float(known.median()))

    def where(self, samples: Samples) -> Tensor:
        """(N, *shape) the squared error of each number, scaled: where in the sample the anomaly lies.

        Of an ensemble, the mean of its models'.
        """
        if isinstance(self.score, Together):
            return torch.stack([member.where(samples) for member in self.score.members]).mean(0)
        return element_errors(self.model, samples)

    def deviations(self, samples: Samples) -> Tensor | None:
        """(N, channels, steps) how far each number of a series deviates, by the score "combined"; None by others."""
        if not isinstance(self.score, CombinedWindows):
            return None
        pieces = samples.labelled(batch_size(self.model, self.by))
        with eval_mode(self.model):
            return torch.cat([self.score.deviations(raw, labels) for raw, labels in pieces])


class Together:
    """The score of an ensemble: the mean or median of its models' scores in units of their own usual ones.

    A model's score counts from the median of its run's own samples. The unit is the distance from there to the score
    that nine tenths of them stay below: 0 is usual, 1 is rare.
    """

    def __init__(self, members: Sequence[Detector], combine: Combine) -> None:
        self.members = tuple(members)
        self.combine: Combine = combine
        known = [member.usual[member.usual.isfinite()] for member in self.members]
        self.centres = [float(usual.median()) for usual in known]
        units = [float(usual.quantile(RARE)) - centre for usual, centre in zip(known, self.centres, strict=True)]
        spreads = [float(usual.std(correction=0)) for usual in known]
        self.units = [unit or spread or 1.0 for unit, spread in zip(units, spreads, strict=True)]

    def __call__(self, raw: Tensor, labels: Tensor | None) -> Tensor:
        """(N,) float64."""
        return combined(self.each(raw, labels), self.combine)

    def each(self, raw: Tensor, labels: Tensor | None) -> Tensor:
        """(M, N) float64 of each model."""
        found: list[Tensor] = []
        for member in self.members:
            with eval_mode(member.model):
                found.append(member.score(raw, labels).double().cpu())
        return self._standardised(found)

    def usual(self) -> Tensor | None:
        """(N,) of the runs' own samples, if these are the same for all of them."""
        if len({len(member.usual) for member in self.members}) > 1:
            return None
        return combined(self._standardised([member.usual for member in self.members]), self.combine)

    def _standardised(self, each: Sequence[Tensor]) -> Tensor:
        triples = zip(each, self.centres, self.units, strict=True)
        return torch.stack([(scores - centre) / unit for scores, centre, unit in triples])


def usual_score(run: TrainedModel) -> By:
    """The score of a model's samples unless you choose one."""
    if isinstance(run.model.code, OneClass):
        return "centre"
    of_recordings = isinstance(medium_of(run.description), Recording)
    return "combined" if of_recordings or run.description["kind"] == "table" else "error"


@takes_run
def detector(
    run: TrainedModel | TrainedEnsemble,
    by: By | Literal["auto"] = "auto",
    *,
    quantile: float = 0.99,
    draws: int = DRAWS,
    clean: bool = False,
) -> Detector:
    """A detector of anomalous samples; its threshold comes from the run's own data.

        anomalous = detector(run, "neighbours").scores(run.read("new.parquet"))

    Of an ensemble, the score is the mean or median of its runs' scores, each in units of its own usual ones: 0 is the
    median of the run's own samples, and 1 is the score that nine tenths of them stay below.

    by: "auto", "centre" for a one-class code, else "combined" for tables and recordings, "error" for the rest;
        "error", the reconstruction error (mean squared, scaled; a wrong category counts as 1);
        "unexplained", the share of the sample's own variance (around the mean of each channel) that the model doesn't
        reconstruct, for pictures and series: a smooth sample, whose error is small, can still be anomalous by it;
        "likelihood", -log p(x) in nats by importance weighting with `draws` draws (the negative ELBO with one);
        "distance", the Mahalanobis distance of its code from the training codes;
        "neighbours", its code's mean distance to the 5 nearest of (at most 5,000) training codes;
        "centre", its one-class code's squared distance from the centre;
        "prototypes", its distance from the nearest of 8 training samples: the geometric mean over 200 random draws of
        these (half of them see half of the numbers). It doesn't use the model's weights, only its scaling;
        "combined", for tables: the same, with the distance from the model's reconstruction, weighted by 0.05; for
        series a draw has 64 training windows, and the model a weight of 0.1.
    quantile: the share of the run's own samples below the threshold; of the validation part if it has 50 or more
        samples, otherwise of the training part.
    clean: say so if the training data have no anomalies: "prototypes" and "combined" then follow them more closely, by
        50 draws of 256 samples, and "combined" weighs the model by a third.

    Raises:
        UseError: the model has no such score.
        DataError: the quantile is not between 0 and 1, or the data can't be opened again.

    Source: simple samples score low: Serrà et al., Input complexity and out-of-distribution detection with
    likelihood-based generative models, ICLR (2020); Mahalanobis distance in features: Lee et al., A simple unified
    framework for detecting out-of-distribution samples, NeurIPS (2018); nearest neighbours: Sun et al., ICML (2022);
    prototypes: Pang et al., LeSiNN, ICDM (2015).
    """
    if isinstance(run, TrainedEnsemble):
        return _together(run, by, quantile, draws, clean)
    if by == "auto":
        by = usual_score(run)
    if by not in get_args(By):
        raise DataError(f"There is no score {by!r}. {nearest(str(by), get_args(By))}")
    if not 0 < quantile < 1:
        raise DataError(f"quantile={quantile:g}: expected a share of samples, more than 0 and less than 1.")
    data = run.open()
    part = "validation" if len(data.validation) >= LEAST_HELD else "train"
    reference = data.parts[part].some(MOST_CODES)
    run.model.eval()  # for good, as several threads may score at once
    with eval_mode(run.model):
        score, usual = SCORES[by](Own(run, data.train, reference, part == "train", draws, clean))
        if usual is None:
            usual = torch.cat([score(raw, labels) for raw, labels in reference.labelled(batch_size(run.model, by))])
    known = usual[usual.isfinite()]
    if not len(known):
        raise UseError(
            "None of the run's own samples has a finite score: training has diverged. Find the cause: isthmus doctor."
        )
    threshold = float(known.quantile(quantile, interpolation="higher"))
    return Detector(by, run.model, score, threshold, quantile, part, usual, run)


def _together(run: TrainedEnsemble, by: By | Literal["auto"], quantile: float, draws: int, clean: bool) -> Detector:
    """The detector of an ensemble. Models that were trained on different samples have the threshold of the first's."""
    members = [detector(member, by, quantile=quantile, draws=draws, clean=clean) for member in run.members]
    score, first = Together(members, run.combine), members[0]
    alike = all(member.description == run.description for member in run.members)
    usual = score.usual() if alike else None
    if usual is None:
        data = run.open()
        reference = data.parts[first.part].some(MOST_CODES)
        with eval_mode(first.model):
            size = batch_size(first.model, first.by)
            usual = torch.cat([score(raw, labels) for raw, labels in reference.labelled(size)])
    threshold = float(usual[usual.isfinite()].quantile(quantile, interpolation="higher"))
    return Detector(first.by, first.model, score, threshold, quantile, first.part, usual, run.first)
