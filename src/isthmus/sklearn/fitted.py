"""Fitted: the run of an estimator, with its model in float64 for tables, so that a row's result is its own."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from isthmus.data.samples import Samples, has_float64
from isthmus.run import Run
from isthmus.uses.detector import Detector, detector


@dataclass
class Fitted:
    """A run, and what is made of it when it is first needed; only the run is pickled.

    Products in float32 depend in their last bits on the rows that are computed together. In float64 the difference is
    far below the digits that scikit-learn compares.
    """

    run: Run
    _precise: Run | None = field(default=None, init=False, repr=False)

    @property
    def precise(self) -> Run:
        """The run with its model in float64, for tables; the run itself for other samples, and without float64."""
        if self._precise is None:
            fits = self.run.description["kind"] == "table" and has_float64(self.run.model.device)
            model = copy.deepcopy(self.run.model).double().eval() if fits else self.run.model.eval()
            self._precise = replace(self.run, model=model)
        return self._precise

    def __getstate__(self) -> dict[str, Any]:
        return {"run": self.run}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)


@dataclass
class Judge(Fitted):
    """The same with a detector, which is made again from the run's data after unpickling."""

    by: Any = "auto"
    clean: bool = False
    _detector: Detector | None = field(default=None, init=False, repr=False)

    @property
    def detector(self) -> Detector:
        """The detector of anomalous samples."""
        if self._detector is None:
            self._detector = detector(self.precise, self.by, clean=self.clean)
        return self._detector

    def scores(self, samples: Samples) -> Any:
        """(N,) float64 scores, the higher, the more anomalous."""
        return self.detector.scores(samples).double().numpy()

    def __getstate__(self) -> dict[str, Any]:
        return {"run": self.run, "by": self.by, "clean": self.clean}
