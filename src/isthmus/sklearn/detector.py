"""The detector: samples that are unlike the training data."""

from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils._param_validation import Interval, StrOptions

from isthmus.model.blueprint import Blueprint
from isthmus.run import Run
from isthmus.sklearn.base import AutoencoderEstimator, Constraints
from isthmus.sklearn.fitted import Judge
from isthmus.sklearn.inputs import pieces
from isthmus.uses.explanations import Explanations


class AutoencoderDetector(OutlierMixin, AutoencoderEstimator):
    """Detects anomalous samples, in X itself (`fit_predict`) or in new data (`fit` and `predict`).

        detector = AutoencoderDetector(contamination=0.05).fit(X)
        detector.predict(X_new)          # 1: normal, -1: anomalous

    by: the score (`isthmus.detector`). "auto" is the detector's default.
    clean: whether X in `fit` has no anomalies (novelty detection).
    contamination: the share of X that is anomalous, above 0 and at most 0.5. "auto": about one normal sample in a
        hundred counts as anomalous.

    The other parameters, and the attributes after `fit`, are those of `AutoencoderTransformer`. In addition:

    offset_: samples with `score_samples` below it are anomalous.
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **AutoencoderEstimator._parameter_constraints,
        "by": [str],
        "clean": ["boolean"],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
    }
    _keeps_data: ClassVar[bool] = True
    _fitted: Judge  # pyright: ignore[reportIncompatibleVariableOverride] which `_made` makes
    offset_: float

    def __init__(
        self,
        recipe: str | Blueprint = "auto",
        *,
        by: str = "auto",
        clean: bool = False,
        contamination: float | str = "auto",
        code: int | str = "auto",
        widths: Any = "auto",
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        patience: int | str | None = "auto",
        validation_fraction: float = 0.1,
        device: str = "auto",
        options: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        reading: dict[str, Any] | None = None,
        warm_start: bool = False,
        random_state: Any = 0,
        verbose: bool | int = False,
    ) -> None:
        super().__init__(
            recipe,
            code=code,
            widths=widths,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            validation_fraction=validation_fraction,
            device=device,
            options=options,
            settings=settings,
            reading=reading,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.by = by
        self.clean = clean
        self.contamination = contamination

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn what is normal from X, of which some samples may be anomalous; the arguments are those of the others.

        Raises:
            ValueError: X, a weight or a parameter is invalid.
            TrainingError: the loss is no longer finite.
        """
        self._validate_params()
        self._fit_scored(X, sample_weight)
        return self

    def fit_predict(self, X: Any, y: Any = None, **fit_params: Any) -> np.ndarray:
        """(n_samples,) 1 for the normal samples of X, and -1 for the anomalous ones."""
        return self.fit(X, y, **fit_params).predict(X)

    def predict(self, X: Any) -> np.ndarray:
        """(n_samples,) 1 for normal samples, and -1 for anomalous ones."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def decision_function(self, X: Any) -> np.ndarray:
        """(n_samples,) the scores above the offset: below 0 for anomalous samples."""
        return self.score_samples(X) - self.offset_

    def score_samples(self, X: Any) -> np.ndarray:
        """(n_samples,) the higher, the more normal: the negative score of `isthmus.detector`."""
        X = self._ready(X)
        return -np.concatenate([self._fitted.scores(self._samples(part)) for part in pieces(X)])

    def explain(self, X: Any) -> Explanations:
        """Why each row of a table has its score: the columns that are off, and what would make the row normal.

            detector.explain(X)[0].reasons      # of the first row
            detector.explain(X).table()         # of all, as an Arrow table

        See `isthmus.explain`. A row is normal if its score is not below `offset_`.
        """
        samples = self._samples(self._ready(X))
        return replace(self._fitted.detector, threshold=-self.offset_).explain(samples)

    def _fit_scored(self, X: Any, sample_weight: Any) -> np.ndarray:
        """Fit, and return the (n_samples,) scores of X; the higher, the more anomalous."""
        samples, rows = self._learn(X, sample_weight, goes_on=self.warm_start)
        scores = self._fitted.scores(samples)
        if self.contamination == "auto":
            self.offset_ = -self._fitted.detector.threshold
        else:
            self.offset_ = float(np.percentile(-scores[rows], 100.0 * float(self.contamination)))
        return scores

    def _made(self, run: Run) -> Judge:
        return Judge(run, self.by, self.clean)
