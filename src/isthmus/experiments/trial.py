"""A trial: one row of a study. What is asked of it is data, and so is what comes out."""

import math
import re
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from isthmus import fitting
from isthmus.blueprint import Blueprint
from isthmus.measures import evaluate
from isthmus.parts.part import Part
from isthmus.run import LARGEST_BASELINE
from isthmus.training import Callback, Training

if TYPE_CHECKING:
    from isthmus.experiments.study import Study

Tell = Callable[[int], object]
"""Called with how many units of a trial's budget are done."""


class Trial(Part):
    """What is asked of one row. Equal trials on equal data come to equal results; its JSON form is its kind and fields.

    entrant: whose row it is; several trials of one entrant differ by their seed. seed: of all random draws.
    """

    entrant: str
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def name(self) -> str:
        """What its folder is called: `code-8-seed-0`."""
        return re.sub(r"[^\w.+]+", "-", f"{self.entrant} seed {self.seed}").strip("-.")

    @property
    @abstractmethod
    def budget(self) -> int:
        """How long it takes, in units such as epochs."""

    @abstractmethod
    def work(self, study: "Study", tell: Tell) -> dict[str, Any]:
        """Do what is asked and give what came of it, as JSON; files go into `study.place(self)`.

        Raises:
            KeyboardInterrupt: somebody ended it; all is saved.
        """


class Fit(Trial):
    """Train a model and measure it on the validation and the test part, beside PCA with as many numbers.

    blueprint: of the model. options: of it, to be changed (`Blueprint.with_options`). settings: those of `Settings`
    that are not left at their defaults, the seed apart.
    """

    blueprint: Blueprint
    options: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)

    @property
    def budget(self) -> int:
        """Its epochs."""
        return int(self.settings.get("epochs", fitting.Settings().epochs))

    def work(self, study: "Study", tell: Tell) -> dict[str, Any]:
        """Train, measure, and give the numbers of the code and of PCA's, weights, epochs, seconds and `measures`."""
        data = study.data
        model = self.blueprint.with_options(**self.options).build(data, seed=self.seed)
        code = math.prod(model.code_shape)
        pca = study.pca(min(code, LARGEST_BASELINE))
        run = fitting.fit_once(
            model,
            data,
            out=study.place(self),
            progress=False,
            callbacks=[_Counting(tell)],
            pca=pca,
            **{"seed": self.seed, "epochs": self.budget} | self.settings,
        )
        if run.status == "interrupted":
            raise KeyboardInterrupt
        parts = {name: data.parts[name] for name in ("validation", "test") if len(data.parts[name])}
        found = evaluate(run.model, parts or {"train": data.train}, run.baseline(), run.baseline().mean)
        return {
            "code": code,
            "pca_code": run.baseline().size,
            "weights": sum(weight.numel() for weight in model.parameters()),
            "epochs": len(run.history),
            "best_epoch": run.best_epoch,
            "status": run.status,
            "seconds": sum(row.get("seconds", 0.0) for row in run.history),
            "measures": found.to_json(),
        }


class _Counting(Callback):
    """Tells how many epochs are done."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def epoch_end(self, training: Training) -> None:
        """One more."""
        self.tell(training.state.epoch)
