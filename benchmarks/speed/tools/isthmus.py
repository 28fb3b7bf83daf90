"""Isthmus: `open_data`, `recipe` and `fit`."""

from typing import Any

import numpy as np

import isthmus as ist
from benchmarks.speed.gate import Gate
from benchmarks.speed.tools import CONTRACTION, NOISE, Settings
from benchmarks.speed.workloads import Workload
from isthmus.parts import Contraction, GaussianNoise


class Turns(ist.Callback):
    """Waits at the gate before each epoch."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def epoch_begin(self, training: Any) -> None:
        """Wait for the turn."""
        self.gate.epoch_begin()

    def epoch_end(self, training: Any) -> None:
        """Tell what the epoch took."""
        self.gate.epoch_end(training.state.history[-1]["loss"], compile=training.settings.compile)


def train(
    workload: Workload,
    settings: Settings,
    pictures: np.ndarray,
    gate: Gate,
    precision: str = "float32",
    plain: bool = False,
) -> None:
    """Train until the gate says stop. Whether to compile is left to `fit`, which is told of a run of `epochs`.

    plain: leave out what makes the workload's variety.
    """
    data = ist.open_data(pictures, validation=0, test=0)
    ist.fit(
        blueprint(workload, plain=plain).build(data, seed=settings.seed),
        data,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        precision=precision,
        seed=settings.seed,
        progress=False,
        callbacks=[Turns(gate)],
    )


def blueprint(workload: Workload, *, plain: bool = False) -> ist.Blueprint:
    """The workload's network, mean squared error on a sigmoid; the recipe's own loss where it is a VAE."""
    made = _plain(workload)
    if workload.variety == "denoising" and not plain:
        made = made.replace(corruption=GaussianNoise(sigma=NOISE))
    if workload.variety == "contractive" and not plain:
        made = made.replace(penalties=(Contraction(weight=CONTRACTION, mode="exact"),))
    return made


def _plain(workload: Workload) -> ist.Blueprint:
    if workload.network == "conv":
        return ist.recipe("conv")
    *hidden, code = workload.widths[1:]
    if workload.network == "vae":
        return ist.recipe("vae", widths=hidden, code=code)
    return ist.recipe("deep", widths=hidden, code=code, activation="relu", code__activation="relu")
