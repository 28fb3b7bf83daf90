"""scikit-learn: MLPRegressor taught to predict its own input."""

from typing import Any

import joblib
import numpy as np
from sklearn.neural_network import MLPRegressor

from benchmarks.speed.gate import Gate
from benchmarks.speed.tools import Settings, Trained, scaled
from benchmarks.speed.workloads import Workload


class Gated(MLPRegressor):
    """Waits at the gate before each epoch; the regressor has no callbacks, but does this once an epoch."""

    gate: Gate

    def _update_no_improvement_count(self, *given: Any) -> None:
        super()._update_no_improvement_count(*given)
        self.gate.epoch_end(2 * self.loss_)  # its loss is half the mean squared error
        self.gate.epoch_begin()


def train(workload: Workload, settings: Settings, pictures: np.ndarray, gate: Gate) -> Trained:
    """Train until the gate says stop."""
    samples = as_samples(pictures)
    model = Gated(
        hidden_layer_sizes=workload.hidden,
        activation="relu",
        solver="adam",
        alpha=0.0,
        batch_size=settings.batch_size,
        learning_rate_init=settings.learning_rate,
        max_iter=settings.epochs,
        n_iter_no_change=settings.epochs,
        random_state=settings.seed,
    )
    model.gate = gate
    gate.epoch_begin()
    model.fit(samples, samples)
    return Trained(
        lambda others: model.predict(as_samples(others)), lambda folder: joblib.dump(model, folder / "model")
    )


def as_samples(pictures: np.ndarray) -> np.ndarray:
    """(N, D) samples."""
    return scaled(pictures).reshape(len(pictures), -1)
