"""The watch: the doctor while training goes on, a line for each finding as soon as it is seen."""

import sys
import time

from torch import Tensor

from isthmus.doctor.diagnosis import CHECKS, When, found_by
from isthmus.doctor.examination import Examination
from isthmus.plain import plain
from isthmus.training import Training
from isthmus.training.callback import Callback, Notes

COST = 0.01
"""The share of the training's time that the glances may take, at most."""
GUESS = 0.02
"""Seconds that a glance is taken to last before the first has been."""


class Watch(Callback):
    """Says once, on standard error and in one line, what the doctor sees during training.

    The loss is looked at after every epoch, which costs nothing; the model itself, on 256 samples, where all glances
    together stay below a hundredth of the training's time. It draws nothing and changes nothing: the training's bits
    are the same without it, however often it looks.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.spent, self.last = 0.0, GUESS

    def train_begin(self, training: Training) -> None:
        """What is wrong with the data's scaling is plain before the first step."""
        if not training.state.epoch:
            self._speak(training, ("first",))

    def epoch_end(self, training: Training) -> None:
        """What the loss tells; now and then, what the units tell."""
        began = time.perf_counter()
        self._speak(training, ("epochs",))
        self.spent += time.perf_counter() - began
        trained = sum(row["seconds"] for row in training.state.history)
        if self.spent + self.last <= COST * trained:
            began = time.perf_counter()
            self._speak(training, ("looks",))
            self.last = time.perf_counter() - began
            self.spent += self.last

    def state(self) -> tuple[Notes, dict[str, Tensor]]:
        """What was said already."""
        return {"said": self.said}, {}

    def restore(self, notes: Notes, tensors: dict[str, Tensor]) -> None:
        """Not to be said again."""
        self.said = list(notes["said"])

    def _speak(self, training: Training, when: tuple[When, ...]) -> None:
        checks = [check for check in CHECKS if check.when in when and not set(check.explained_by) & set(self.said)]
        for finding in found_by(checks, Examination.of_training(training)):
            if finding.name not in self.said:
                self.said.append(finding.name)
                epoch = f"Epoch {training.state.epoch}" if training.state.epoch else "Before training"
                # not a warning: where these are errors, a doctor's word would end the training
                print(plain(f"note: {epoch}, {finding.name}: {finding.words} {finding.cure}"), file=sys.stderr)
