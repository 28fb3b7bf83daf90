"""Is pretraining worth it: what a run's encoder adds where few samples have labels, beside the same network without."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import numpy as np
import torch
from pydantic import Field
from torch import nn

from isthmus.classifier import CodeBody, train_classifier
from isthmus.data import Samples, Scaling
from isthmus.errors import BlueprintError, DataError, RunError, remark
from isthmus.experiments.labelled import draw_few, fitted, labels_of, open_labelled
from isthmus.experiments.study import Study
from isthmus.experiments.table import Found, entries, rows, write_table
from isthmus.experiments.trial import Tell, Trial
from isthmus.formatting import percent
from isthmus.model.autoencoder import Autoencoder
from isthmus.run import Run, load
from isthmus.storage.run_folder import WEIGHTS
from isthmus.training import Settings
from isthmus.training.settings import checked, find_batch_size

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Way = Literal[
    "fine-tuned",
    "from scratch",
    "codes, logistic regression",
    "codes, k nearest",
    "data, logistic regression",
    "data, k nearest",
]
WAYS: tuple[Way, ...] = get_args(Way)
NETWORKS = WAYS[:2]
WITHOUT: tuple[Way, ...] = ("from scratch", "data, logistic regression", "data, k nearest")
NEIGHBOURS = 5
STEPS = 2000
"""Of a network's training, at least, where nobody says how long it is trained."""


class Classify(Trial):
    """Learn labels from a few samples of the training part, and be measured on the validation and the test part.

    run: folder of the run whose encoder is tried; weights: SHA-256 of its weights. way: how. labels: how many samples
    have theirs. settings: of a network's training; the rest are those of `settings_for`. body_rate: the encoder's
    learning rate where it is fine-tuned, as a multiple of the new layer's.
    """

    run: str
    weights: str
    way: Way
    labels: Annotated[int, Field(ge=1)]
    settings: dict[str, Any] = Field(default_factory=dict)
    body_rate: Annotated[float, Field(gt=0)] = 1.0

    @property
    def budget(self) -> int:
        """Its epochs; one for what is not a network."""
        return settings_for(self.labels, self.seed, self.settings).epochs if self.way in NETWORKS else 1

    def work(self, study: Study, tell: Tell) -> dict[str, Any]:
        """Give `labels`, and `validation_accuracy` and `test_accuracy` as shares of 1."""
        run = load(self.run)
        parts = {name: fitted(part, run) for name, part in study.data.parts.items() if len(part)}
        few = draw_few(parts.pop("train"), self.labels, self.seed)
        right = self._by_network(run, few, parts, tell) if self.way in NETWORKS else self._by_features(run, few, parts)
        return {"way": self.way, "labels": len(few), **{f"{name}_accuracy": share for name, share in right.items()}}

    def _by_network(self, run: Run, few: Samples, parts: dict[str, Samples], tell: Tell) -> dict[str, float]:
        fresh = self.way == "from scratch"
        model = unlearnt(run.model, self.seed) if fresh else run.model
        body, settings = CodeBody(model, few), settings_for(self.labels, self.seed, self.settings)
        judge = train_classifier(
            few,
            scaling=model.scaling,
            body=body,
            head=regressed(body, model.scaling, few),
            body_rate=1.0 if fresh else self.body_rate,
            settings=settings,
            progress=lambda done, _: tell(done),
        )
        return {name: judge.accuracy(part) for name, part in parts.items()}

    def _by_features(self, run: Run, few: Samples, parts: dict[str, Samples]) -> dict[str, float]:
        what, kind = self.way.split(", ")

        def features(part: Samples) -> np.ndarray:
            numbers = run.encode(part) if what == "codes" else run.model.scaling(part.tensor()).nan_to_num(0.0)
            return numbers.flatten(1).double().numpy()

        chosen = pipeline("logistic" if kind == "logistic regression" else "k nearest", few)
        chosen.fit(features(few), labels_of(few).numpy())
        return {name: float(chosen.score(features(part), labels_of(part).numpy())) for name, part in parts.items()}


@dataclass(frozen=True)
class Pretraining(Found):
    """What pretraining was worth: an entry a way and number of labels.

    verdict: fine-tuned beside the best of what needs no pretraining, in words.
    """

    labels: tuple[int, ...]
    verdict: str

    def accuracy(self, way: str, labels: int, part: str | None = None) -> tuple[float, float | None] | None:
        """Mean and standard deviation over the seeds; None where nothing was measured."""
        entry = next((entry for entry in self.entries if entry.candidate == called(way, labels)), None)
        name = f"{part or self.part}_accuracy"
        return (entry.means[name], entry.spreads[name]) if entry is not None and name in entry.means else None

    def to_json(self) -> dict[str, Any]:
        """The accuracies by way and number of labels."""
        found = {way: {count: self.accuracy(way, count) for count in self.labels} for way in WAYS}
        return {
            "study": "pretrain",
            "part": self.part,
            "verdict": self.verdict,
            "accuracy": {
                way: {str(count): {"mean": pair[0], "spread": pair[1]} for count, pair in row.items() if pair}
                for way, row in found.items()
            },
            "failures": self.failures,
        }


def pretrain(
    run: Run | str | Path,
    source: Any = None,
    labels: Sequence[int] = (100, 1000, 10_000),
    *,
    out: str | Path,
    seeds: int = 5,
    ways: Sequence[Way] = WAYS,
    jobs: int = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
    read_options: dict[str, Any] | None = None,
    body_rate: float = 1.0,
    **settings: Any,
) -> Pretraining:
    """Learn labels from a few samples, starting at a run's encoder and without it, and compare.

        found = ist.pretrain("runs/digits", labels=[100, 1000], out="runs/digits-pretrain")
        found.accuracy("fine-tuned", 100), found.accuracy("from scratch", 100)

    The ways: "fine-tuned", the encoder and on its standardised codes a linear layer, which begins as their logistic
    regression, all of it trained; "from scratch", the same with fresh weights and an encoder that learns as fast;
    scikit-learn's logistic regression and k nearest neighbours on the codes and on the data themselves, both
    standardised first. For each seed other samples are drawn to have labels, as many of each class as there are. The
    folder is that of a study: what is done isn't done again (see `sweep`).

    run: a run in a folder, or its folder. source: data with labels, with a test part or to be divided; the run's own
    where None. labels: how many samples of the training part have one. seeds: how often. read_options: to read the
    source, as for `open_data`. body_rate: the encoder's learning rate where it is fine-tuned, as a multiple of the new
    layer's: a small one keeps more of what it has learnt. settings: of a network's training (`Settings`), else those of
    `settings_for`.

    Raises:
        RunError: the run has no folder, or the study's folder holds another one.
        DataError: the data have no labels, or don't fit the run.
        BlueprintError: the encoder doesn't take samples as they are.

    Source: Erhan et al., Why does unsupervised pre-training help deep learning? JMLR 11 (2010); Kumar et al.,
    Fine-tuning can distort pretrained features and underperform out-of-distribution, ICLR (2022), for the new layer
    that begins solved.
    """
    folder = run.folder if isinstance(run, Run) else Path(run)
    if folder is None:
        raise RunError("This run has no folder, and a study loads it from there. Train with out=….")
    loaded = load(folder)
    CodeBody(loaded.model)
    if seeds < 1 or not labels or min(labels) < 2:
        raise DataError(f"labels={list(labels)}, seeds={seeds}: expected 2 labels or more, and 1 seed or more.")
    settings = checked(settings)
    data = loaded.open() if source is None else open_labelled(source, loaded, read_options or {})
    labels_of(data.train)
    counts = _possible(labels, len(data.train))
    weights = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    trials = [
        Classify(
            candidate=called(way, count),
            seed=seed,
            run=str(folder.resolve()),
            weights=weights,
            way=way,
            labels=count,
            settings=settings,
            body_rate=body_rate,
        )
        for count in counts
        for way in ways
        for seed in range(seeds)
        if way != "from scratch" or loaded.model.blueprint is not None
    ]
    study = Study(out, data, trials)
    study.run(jobs=jobs, overwrite=overwrite, progress=progress)
    found = judge(study, counts)
    write_table(study.folder, found.rows, found.to_json() | {"run": str(folder), "data": data.description})
    from isthmus.experiments.page import write_pretraining  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

    write_pretraining(study, found)
    if not any(entry.count for entry in found.entries):
        raise RunError(f"Every trial has failed, the first so: {next(iter(found.failures.values()))}")
    return found


def pipeline(kind: Literal["logistic", "k nearest"], few: Samples) -> "Pipeline":
    """A classifier of scikit-learn's for features such as codes, which it standardises first; yet to be fitted."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 scikit-learn takes a second
    from sklearn.neighbors import KNeighborsClassifier  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    if kind == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    of_a_class = len(few) // len(labels_of(few).unique())
    return make_pipeline(StandardScaler(), KNeighborsClassifier(max(1, min(NEIGHBOURS, of_a_class))))


@torch.no_grad()
def regressed(body: CodeBody, scaling: Scaling, few: Samples) -> nn.Linear:
    """The logistic regression of labels on standardised codes, as the last layer that a network begins with."""
    codes = torch.cat(
        [body(scaling(raw).to(body.mean.device).nan_to_num(0.0)).flatten(1) for raw in few.batches(1024)]
    ).cpu()
    solved: Any = pipeline("logistic", few)[-1].fit(codes.double().numpy(), labels_of(few).numpy())
    head = nn.Linear(codes.shape[1], max(len(few.label_names), int(labels_of(few).max()) + 1))
    head.weight.zero_()
    head.bias.fill_(float(solved.intercept_.min()) - 5.0)  # of a class that none of the few has
    known = torch.as_tensor(solved.classes_)
    weight, bias = torch.as_tensor(solved.coef_).float(), torch.as_tensor(solved.intercept_).float()
    if len(known) == 2:  # of two classes it solves for the second against the first
        weight, bias = torch.cat([torch.zeros_like(weight), weight]), torch.cat([torch.zeros_like(bias), bias])
    head.weight[known], head.bias[known] = weight, bias
    return head


def settings_for(labels: int, seed: int, given: dict[str, Any]) -> Settings:
    """How a network is trained on so many samples: for some 2,000 steps, 20 epochs at least, by cosine."""
    steps = math.ceil(labels / find_batch_size(Settings(**given), labels))
    return Settings(**{"epochs": max(20, math.ceil(STEPS / steps)), "schedule": "cosine", "seed": seed} | given)


def steps_of(labels: int, settings: Settings) -> int:
    """How many steps a network takes on so many samples."""
    return settings.epochs * math.ceil(labels / find_batch_size(settings, labels))


def unlearnt(model: Autoencoder, seed: int) -> Autoencoder:
    """The same network with fresh weights.

    Raises:
        BlueprintError: it is made of somebody's own modules.
    """
    if model.blueprint is None:
        raise BlueprintError("Modules of somebody's own can't be built anew. Leave out the way 'from scratch'.")
    return model.blueprint.replace(start="mean").build(_Like(model.shape, model.scaling), seed=seed, remarks=False)


def judge(study: Study, counts: Sequence[int]) -> Pretraining:
    """What the results of a pretraining's trials say."""
    table = rows(study)
    part = next((part for part in ("test", "validation") if any(f"{part}_accuracy" in row for row in table)), "test")
    found = Pretraining(study.folder, part, tuple(table), tuple(entries(table)), tuple(counts), "")
    said = [said_of(found, count) for count in counts]
    asked = next((trial.settings for trial in study.trials if isinstance(trial, Classify)), {})
    fewest = min(steps_of(count, settings_for(count, 0, asked)) for count in counts)
    if any(found.accuracy("from scratch", count) for count in counts) and fewest < STEPS / 2:
        said.append(
            f"The networks took {fewest} steps where the labels are fewest; by themselves they take {STEPS:,}. A fresh "
            "network is hardly trained then: give more epochs."
        )
    return replace(found, verdict=" ".join(filter(None, said)) or "Nothing was measured on both sides.")


def said_of(found: Pretraining, labels: int) -> str:
    """Fine-tuned beside what does best without the run, and whether the spreads leave a doubt; "" of one side alone."""
    tuned = found.accuracy("fine-tuned", labels)
    others = {way: pair for way in WITHOUT if (pair := found.accuracy(way, labels)) is not None}
    if tuned is None or not others:
        return ""
    best = max(others, key=lambda way: others[way][0])
    text = f"With {labels:,} labels {told(tuned)} are right, fine-tuned; without pretraining {told(others[best])} at "
    fresh = others.get("from scratch")
    text += f"best ({best}" + (f"; from scratch {told(fresh)})" if fresh and best != "from scratch" else ")")
    spreads = [spread for _, spread in (tuned, others[best]) if spread is not None]
    lead = tuned[0] - others[best][0]
    if len(spreads) < 2:
        return f"{text}. How far chance goes, one seed does not tell."
    if abs(lead) <= sum(spreads):
        return f"{text}: no difference beyond their standard deviations."
    return f"{text}: {'it pays' if lead > 0 else 'it does not pay'}."


def told(pair: tuple[float, float | None] | None) -> str:
    """An accuracy and its standard deviation in words."""
    if pair is None:
        return "–"
    return percent(pair[0]) + (f" ± {percent(pair[1])}" if pair[1] is not None else "")


def called(way: str, labels: int) -> str:
    """The candidate of a way with so many labels."""
    return f"{way}, {labels} labels"


@dataclass(frozen=True)
class _Like:
    """Shape and scaling in the place of data."""

    shape: tuple[int, ...]
    scaling: Scaling


def _possible(labels: Sequence[int], count: int) -> list[int]:
    """The numbers of labels that there are samples for, ascending."""
    kept = sorted({number for number in labels if number <= count})
    if len(kept) < len(set(labels)):
        remark(f"The training part has {count} samples: larger numbers of labels are left out.")
    return kept or [count]
