"""PyOD: its AutoEncoder detector, with the workload's widths and without normalisation, dropout and weight decay."""

from typing import Any

import numpy as np
from pyod.models.auto_encoder import AutoEncoder

from benchmarks.speed.gate import Gate
from benchmarks.speed.tools import Settings
from benchmarks.speed.workloads import Workload


class Gated(AutoEncoder):
    """Waits at the gate before each epoch; the detector has no callbacks, but calls `epoch_update` after each."""

    gate: Gate
    losses: list[float]

    def train(self, train_loader: Any) -> None:
        """The detector's own loop, entered at the gate."""
        self.losses = []
        self.gate.epoch_begin()
        super().train(train_loader)

    def training_forward(self, batch_data: Any) -> float:
        """The detector's own step; its loss is kept."""
        self.losses.append(super().training_forward(batch_data))
        return self.losses[-1]

    def epoch_update(self) -> None:
        """Tell what the epoch took, and wait for the next turn."""
        self.gate.epoch_end(float(np.mean(self.losses)))
        self.losses = []
        self.gate.epoch_begin()


def train(workload: Workload, settings: Settings, pictures: np.ndarray, gate: Gate) -> None:
    """Train until the gate says stop."""
    detector = Gated(
        preprocessing=False,
        lr=settings.learning_rate,
        epoch_num=settings.epochs,
        batch_size=settings.batch_size,
        random_state=settings.seed,
        optimizer_params={},
        hidden_neuron_list=list(workload.widths[1:]),
        batch_norm=False,
        dropout_rate=0.0,
    )
    detector.gate = gate
    detector.fit(pictures.reshape(-1, 784).astype("float32") / 255.0)
