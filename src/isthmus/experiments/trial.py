"""A trial: one row of a study. Its task and its result are data."""

import contextlib
import math
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import Field

from isthmus import fitting
from isthmus.data import Data
from isthmus.errors import IsthmusError
from isthmus.experiments.generative import FEATURES, aim_of, generative
from isthmus.measures import evaluate, has_likelihood
from isthmus.model.blueprint import Blueprint
from isthmus.model.listing import parameter_count
from isthmus.parts.part import Part
from isthmus.pca import PCA
from isthmus.quantised_pca import QuantisedPCA
from isthmus.run import Run
from isthmus.trained import baseline_size
from isthmus.training import Callback, Training
from isthmus.training.settings import Settings

Tell = Callable[[int], object]
"""Called with the finished units of a trial's budget."""


class Surroundings(Protocol):
    """The parts of a study that a trial can use.

    data: the data of all trials.
    """

    data: Data

    def place(self, trial: "Trial") -> Path:
        """The trial's folder."""
        ...

    def pca(self, size: int) -> PCA:
        """The first principal components of the training part, which all trials share."""
        ...


class Trial(Part):
    """The task of one row. Equal trials on equal data have equal results; the JSON form is the kind and the fields.

    candidate: the model or method; several trials of one candidate differ by their seed. seed: of all random draws.
    """

    candidate: str
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def name(self) -> str:
        """The name of its folder: `code-8-seed-0`."""
        return re.sub(r"[^\w.+]+", "-", f"{self.candidate} seed {self.seed}").strip("-.")

    @property
    @abstractmethod
    def budget(self) -> int:
        """Its length, in units such as epochs."""

    @abstractmethod
    def work(self, study: Surroundings, tell: Tell) -> dict[str, Any]:
        """Do the task and return its result as JSON; files go into `study.place(self)`.

        Raises:
            KeyboardInterrupt: the user stopped it; all results are saved.
        """


class Fit(Trial):
    """Train a model and measure it on the validation and test part, compared with PCA with as many dimensions or bits.

    blueprint: of the model. options: changes to it (`Blueprint.with_options`). settings: those of `Settings` that
    differ from their defaults, without the seed.
    """

    blueprint: Blueprint
    options: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)

    @property
    def budget(self) -> int:
        """Its epochs."""
        return int(self.settings.get("epochs", Settings().epochs))

    def work(self, study: Surroundings, tell: Tell) -> dict[str, Any]:
        """Train, measure, and return the sizes of the code and of PCA, weights, epochs, seconds and `measures`."""
        return self.measured(self.trained(study, [Counting(tell)]), study)

    def trained(self, study: Surroundings, callbacks: Sequence[Callback]) -> Run:
        """The run, trained or continued."""
        model = self.blueprint.with_options(**self.options).build(study.data, seed=self.seed)
        settings: dict[str, Any] = {"seed": self.seed, "epochs": self.budget} | self.settings
        run = fitting.fit_once(
            model,
            study.data,
            out=study.place(self),
            progress=False,
            callbacks=callbacks,
            pca=None if study.data.kind == "tokens" else study.pca(baseline_size(model)),
            **settings,
        )
        if run.status == "interrupted":
            raise KeyboardInterrupt
        return run

    def measured(self, run: Run, study: Surroundings) -> dict[str, Any]:
        """The result of a run, as JSON (see `work`)."""
        data, model = study.data, run.model
        parts = {name: data.parts[name] for name in ("validation", "test") if len(data.parts[name])}
        pca = run.baseline()
        parts = parts or {"train": data.train}
        measures = evaluate(run.model, parts, pca, pca.mean).to_json()
        chief = list(parts)[-1]
        measures[chief] |= generative(run, parts[chief], study.pca)
        return {
            "code": math.prod(model.code_shape),
            "bits": model.code.bits(model.code_shape),
            "pca_code": pca.size,
            "pca_bits": pca.bits if isinstance(pca, QuantisedPCA) else None,
            "weights": parameter_count(model),
            "epochs": len(run.history),
            "best_epoch": run.best_epoch,
            "status": run.status,
            "seconds": sum(row.get("seconds", 0.0) for row in run.history),
            "aim": aim_of(run.model),
            "measures": measures,
        }


def components(trials: Iterable[Fit], data: Data) -> int:
    """The number of principal components needed to compare the largest code with PCA."""
    largest = 1
    for trial in {trial.candidate: trial for trial in trials}.values():
        with contextlib.suppress(IsthmusError):  # a model that doesn't fit the data fails in its own trial
            blueprint = trial.blueprint.with_options(**trial.options).resolve(data)
            model = blueprint.assemble(data.shape, data.scaling)
            largest = max(largest, baseline_size(model))
            if has_likelihood(model):  # its draws are compared in the data's components
                largest = max(largest, min(FEATURES, math.prod(data.shape)))
    return largest


class Counting(Callback):
    """Reports the number of finished epochs."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def epoch_end(self, training: Training) -> None:
        """Report one more epoch."""
        self.tell(training.state.epoch)
