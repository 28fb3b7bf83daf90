"""Learning labels from a few samples: by a run's encoder, by the same network without it, by codes, by the data."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import numpy as np
import torch
from pydantic import Field
from torch import nn

from isthmus.classifier import CodeBody, train_classifier
from isthmus.data import Samples, Scaling
from isthmus.errors import BlueprintError
from isthmus.experiments.labelled import draw_few, fitted, labels_of
from isthmus.experiments.trial import Surroundings, Tell, Trial
from isthmus.model.autoencoder import Autoencoder
from isthmus.run import Run, load
from isthmus.training import Settings
from isthmus.training.settings import find_batch_size

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

    def work(self, study: Surroundings, tell: Tell) -> dict[str, Any]:
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
    return model.blueprint.replace(start="mean").assemble(model.shape, model.scaling, seed=seed)
