"""PyOD's interface: a script for PyOD's AutoEncoder runs with one import changed."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.special import erf
from scipy.stats import binom
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from isthmus.errors import DataError, nearest
from isthmus.sklearn import AutoencoderDetector

METHODS = ("linear", "unify")


class AutoEncoder(BaseEstimator):
    """`AutoencoderDetector` with the names and the conventions of PyOD's AutoEncoder.

        from isthmus.pyod import AutoEncoder      # instead of: from pyod.models.auto_encoder import AutoEncoder

        detector = AutoEncoder(contamination=0.1).fit(X)
        detector.labels_, detector.decision_scores_

    Scores are higher for anomalous samples, and labels are 1 for them and 0 for normal samples. In scikit-learn, and in
    `AutoencoderDetector`, it is the other way round.

    contamination: the share of X that is anomalous, above 0 and at most 0.5.
    preprocessing: whether columns are scaled. lr, epoch_num, batch_size: of the training; "auto" chooses them from the
        model and the data. optimizer_name, optimizer_params: the optimiser, and its `weight_decay`.
    device: where to compute; None takes the fastest. random_state: the seed. use_compile: whether to compile the step;
        compile_mode is ignored. verbose: 0 is silent.
    hidden_neuron_list: the widths of the layers down to the code, which is the last one; "auto" chooses them.
    hidden_activation_name, batch_norm, dropout_rate: of the hidden layers.
    by: the score (`isthmus.detector`).

    After `fit`:

    decision_scores_: (n_samples,) the scores of X. threshold_: scores above it are anomalous. labels_: (n_samples,) 1
    for the anomalous samples of X. detector_: the `AutoencoderDetector`.
    """

    detector_: AutoencoderDetector
    decision_scores_: np.ndarray
    labels_: np.ndarray
    threshold_: float

    def __init__(
        self,
        contamination: float = 0.1,
        preprocessing: bool = True,
        lr: float | str = "auto",
        epoch_num: int | str = "auto",
        batch_size: int | str = "auto",
        optimizer_name: str = "adam",
        device: str | None = None,
        random_state: Any = 42,
        use_compile: bool | str = "auto",
        compile_mode: str = "default",
        verbose: int = 0,
        optimizer_params: dict[str, Any] | None = None,
        hidden_neuron_list: Any = "auto",
        hidden_activation_name: str = "silu",
        batch_norm: bool = False,
        dropout_rate: float = 0.0,
        *,
        by: str = "auto",
    ) -> None:
        self.contamination = contamination
        self.preprocessing = preprocessing
        self.lr = lr
        self.epoch_num = epoch_num
        self.batch_size = batch_size
        self.optimizer_name = optimizer_name
        self.device = device
        self.random_state = random_state
        self.use_compile = use_compile
        self.compile_mode = compile_mode
        self.verbose = verbose
        self.optimizer_params = optimizer_params
        self.hidden_neuron_list = hidden_neuron_list
        self.hidden_activation_name = hidden_activation_name
        self.batch_norm = batch_norm
        self.dropout_rate = dropout_rate
        self.by = by

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from X; y is ignored.

        Raises:
            ValueError: X or a parameter is invalid.
            TrainingError: the loss is no longer finite.
        """
        detector = AutoencoderDetector(**self._params())
        detector._validate_params()
        self.decision_scores_ = detector._fit_scored(X, None)
        self.detector_, self.threshold_ = detector, -detector.offset_
        self.labels_ = (self.decision_scores_ > self.threshold_).astype(int)
        self.n_features_in_ = detector.n_features_in_
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """(n_samples,) scores; the higher, the more anomalous."""
        check_is_fitted(self)
        return -self.detector_.score_samples(X)

    def predict(self, X: Any, return_confidence: bool = False) -> Any:
        """(n_samples,) 0 for normal samples, 1 for anomalous ones; if wished, also `predict_confidence`."""
        scores = self.decision_function(X)
        labels = (scores > self.threshold_).astype(int)
        return (labels, self._confidence(scores)) if return_confidence else labels

    def predict_proba(self, X: Any, method: str = "linear", return_confidence: bool = False) -> Any:
        """(n_samples, 2) how probable it is that a sample is normal, and that it is anomalous.

        method: "linear" places the score between the smallest and the largest score in `fit`; "unify" takes the normal
            distribution of these scores. Source: Kriegel et al., Interpreting and unifying outlier scores, SDM (2011).
        """
        if method not in METHODS:
            raise DataError(f"method={method!r} is unknown. {nearest(str(method), METHODS)}")
        scores, usual = self.decision_function(X), self.decision_scores_
        if method == "linear":
            anomalous = (scores - usual.min()) / max(float(np.ptp(usual)), 1e-30)
        else:
            anomalous = erf((scores - usual.mean()) / max(float(usual.std()) * np.sqrt(2), 1e-30))
        anomalous = np.clip(anomalous, 0, 1)
        both = np.column_stack([1 - anomalous, anomalous])
        return (both, self._confidence(scores)) if return_confidence else both

    def predict_confidence(self, X: Any) -> np.ndarray:
        """(n_samples,) how probable it is that the same label results from another sample of training data.

        Source: Perini, Vercruyssen & Davis, Quantifying the confidence of anomaly detectors in their example-wise
        predictions, ECML PKDD (2020).
        """
        return self._confidence(self.decision_function(X))

    def fit_predict(self, X: Any, y: Any = None) -> np.ndarray:
        """(n_samples,) the labels of X after `fit`."""
        return self.fit(X).labels_

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the fitted detector in a folder, as an `AutoencoderDetector`, and return the folder."""
        check_is_fitted(self)
        return self.detector_.save(path, overwrite=overwrite)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "outlier_detector"
        tags.input_tags.allow_nan = True
        return tags

    def _confidence(self, scores: np.ndarray) -> np.ndarray:
        count = len(self.decision_scores_)
        below = np.searchsorted(np.sort(self.decision_scores_), scores, side="right")
        anomalous = 1 - binom.cdf(count - int(count * self.contamination), count, (1 + below) / (2 + count))
        return np.where(scores > self.threshold_, anomalous, 1 - anomalous)

    def _params(self) -> dict[str, Any]:
        """The parameters of the `AutoencoderDetector`."""
        options: dict[str, Any] = {}
        code: Any = "auto"
        widths: Any = "auto"
        if not isinstance(self.hidden_neuron_list, str):
            *widths, code = (int(width) for width in self.hidden_neuron_list)
        if self.hidden_activation_name != "silu":
            options["activation"] = self.hidden_activation_name
        if self.batch_norm:
            options["normalisation"] = "batch"
        if self.dropout_rate:
            options["dropout"] = self.dropout_rate
        settings: dict[str, Any] = {"optimiser": self.optimizer_name, "compile": self.use_compile}
        if decay := (self.optimizer_params or {}).get("weight_decay"):
            settings["weight_decay"] = decay
        return {
            "contamination": self.contamination,
            "by": self.by,
            "code": code,
            "widths": widths,
            "epochs": self.epoch_num,
            "batch_size": self.batch_size,
            "learning_rate": self.lr,
            "device": self.device or "auto",
            "options": options,
            "settings": settings,
            "reading": None if self.preprocessing else {"scaling": "none"},
            "random_state": self.random_state,
            "verbose": bool(self.verbose),
        }
