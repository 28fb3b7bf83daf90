"""Judging draws: a model's samples as a whole, compared with real ones in the features of a classifier."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isthmus.classifier import Classifier, load_classifier, train_classifier
from isthmus.data.samples import Samples
from isthmus.errors import BlueprintError, IsthmusError, RunError
from isthmus.formatting import number
from isthmus.measures import Generation, LogLikelihood, bits_per_dimension, gradient_energy, judge_draws, log_likelihood
from isthmus.measures.generation import NEIGHBOURS
from isthmus.pca import principal_components
from isthmus.seeds import seeded
from isthmus.shown import Card, Shown, Table
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import takes_run
from isthmus.uses.sample import Source, Wanted, reference, source_of

Features = Callable[[Samples | Tensor], Tensor]
"""(N, *shape) raw samples, or Samples of them, to (N, F)."""
Progress = Callable[[int, int], object]
CLASSIFIER = "classifier.safetensors"
MOST = 5000
"""The most draws, and real samples."""
COMPONENTS = 64
"""Principal components that serve as features for data without labels."""
LIKELIHOOD_SAMPLES, LIKELIHOOD_DRAWS = 100, 1000


@dataclass(frozen=True, eq=False, repr=False)
class Judgement(Shown):
    """How good draws are.

    draws: the model's draws, compared with the named part. data: as many training samples, compared with that part:
    the score of a perfect model; None if the part is the training part or has too few samples.
    features: the features of the comparison. sharpness: gradient energy of the draws and of the part, in scaled units²;
    pictures only. likelihood: log p(x) of some of the part's samples. bits: the same per number. Both are None for
    models without a likelihood.
    """

    way: str
    part: str
    features: str
    draws: Generation
    data: Generation | None
    sharpness: tuple[float, float] | None
    likelihood: LogLikelihood | None
    bits: float | None

    def to_json(self) -> dict[str, Any]:
        """All results as JSON."""
        found: dict[str, Any] = {
            "way": self.way,
            "part": self.part,
            "features": self.features,
            "draws": self.draws.to_json(),
            "data": self.data.to_json() if self.data else None,
            "sharpness": dict(zip(("draws", "data"), self.sharpness, strict=True)) if self.sharpness else None,
        }
        if self.likelihood is not None:
            found["log_likelihood"] = {
                "nats": self.likelihood.mean,
                "standard_error": self.likelihood.standard_error,
                "samples": len(self.likelihood.per_sample),
                "draws": LIKELIHOOD_DRAWS,
                "bits_per_number": self.bits,
            }
        return found

    def _card(self) -> Card:
        names = ("precision", "recall", "density", "coverage", "frechet")
        perfect = {} if self.data is None else self.data.to_json()
        rows = [
            (name, number(value), number(perfect[name]) if perfect else "–")
            for name, value in self.draws.to_json().items()
            if name in names
        ]
        facts = {"features": self.features}
        if self.likelihood is not None:
            mean, spread = self.likelihood.mean, self.likelihood.standard_error
            facts["log-likelihood"] = f"{number(mean)} ± {number(spread)} nats a sample"
        table = Table(
            ("measure", "draws", "training samples"), rows, "Training samples score as a perfect model would."
        )
        return Card(f"{self.draws.draws:,} draws ({self.way}) compared with the {self.part} part", facts, [table])


@takes_run
def judge(
    run: TrainedModel,
    source: Source | None = None,
    *,
    way: Wanted = "auto",
    label: str | int | None = None,
    features: Features | None = None,
    count: int = MOST,
    neighbours: int = NEIGHBOURS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Judgement:
    """Precision, recall, density, coverage and Fréchet distance of a model's draws, compared with its test part.

        ist.judge(run).draws.precision
        ist.judge(run, features=my_network)       # (N, *shape) raw samples to (N, F)

    source: where to draw from (`isthmus.uses.sample.source_of`); without it, way and label decide, as for `sample`.
    features: a function of raw samples. None: the features of a classifier, which is trained once on the data's labels
        and saved with the run; for data without labels, their principal components.
    count: draws, and real samples; the size of the part if that is smaller.
    progress: called as `progress(done, total)` while the classifier is trained.

    Raises:
        UseError, DataError: as `sample`; or the part has too few samples.
    """
    source = source or source_of(run, way=way, label=label, seed=seed)
    part, real = reference(run, source.label)
    real, called = _some(real, count, seed), "your own function"
    if features is None:
        features, called = _features(run, progress)
    drawn = source.draw(len(real), seeded(seed + 1))
    of_real = features(real)
    data = None
    if part != "train":
        train = run.open().train
        if source.label is not None and train.labels is not None:
            train = train.take((train.labels == source.label).nonzero()[:, 0])
        if len(train) >= len(real):
            data = judge_draws(features(_some(train, len(real), seed)), of_real, neighbours=neighbours)
    found = _likelihood(run, real, seed)
    return Judgement(
        way=source.way,
        part=part,
        features=called,
        draws=judge_draws(features(drawn.values), of_real, neighbours=neighbours),
        data=data,
        sharpness=_sharpness(run, drawn.values, real),
        likelihood=found,
        bits=None if found is None else bits_per_dimension(run.model, found.mean, real),
    )


def classifier_of(run: TrainedModel, *, progress: Progress | None = None) -> Classifier:
    """The classifier of the labels of a run's data: trained once, and saved in the run's folder if it has one.

    Raises:
        DataError: the data have no labels.
    """
    data, about = run.open(), {"fingerprint": run.description.get("fingerprint")}
    path = run.folder / CLASSIFIER if run.folder is not None else None
    if path is not None and path.exists():
        with contextlib.suppress(RunError):
            kept = load_classifier(path)
            if kept.about == about and kept.shape == run.model.shape:
                return kept
    made = train_classifier(data.train, data.validation, scaling=run.model.scaling, progress=progress)
    made.about = about
    if path is not None:
        with contextlib.suppress(IsthmusError):  # go on if the folder is read-only
            made.save(path)
    return made


def _features(run: TrainedModel, progress: Progress | None) -> tuple[Features, str]:
    data = run.open()
    if data.train.labels is not None and len(data.train.labels.unique()) > 1:
        return classifier_of(run, progress=progress).features, "a classifier of the data's labels"
    scaling = run.model.scaling
    width = torch.Size(data.shape).numel()
    plane = principal_components(data.train, scaling, min(COMPONENTS, width))

    def projected(given: Samples | Tensor) -> Tensor:
        batches = given.batches(1024) if isinstance(given, Samples) else given.split(1024)
        scaled = (scaling(batch).nan_to_num(0.0) for batch in batches)
        return torch.cat([plane.encode(batch).cpu() for batch in scaled])

    return projected, f"the data's first {plane.size} principal components"


def _some(samples: Samples, count: int, seed: int) -> Samples:
    """`count` of the samples, at random; all of them if there are no more."""
    if len(samples) <= count:
        return samples
    chosen = torch.randperm(len(samples), generator=seeded(seed))[:count]
    return samples.take(chosen.sort().values)


def _sharpness(run: TrainedModel, drawn: Tensor, real: Samples) -> tuple[float, float] | None:
    if real.kind != "pictures" or max(real.shape[1:]) < 2:
        return None
    scaling = run.model.scaling
    return gradient_energy(scaling(drawn).cpu()), gradient_energy(scaling(real.tensor()).cpu())


def _likelihood(run: TrainedModel, real: Samples, seed: int) -> LogLikelihood | None:
    """Log p(x) of some samples; None unless the model has a likelihood and a posterior."""
    with contextlib.suppress(BlueprintError):
        return log_likelihood(run.model, _some(real, LIKELIHOOD_SAMPLES, seed), draws=LIKELIHOOD_DRAWS, seed=seed)
    return None
