"""The watch: the doctor while training goes on, a line for each finding as soon as it is seen."""

import sys
from typing import TYPE_CHECKING

from torch import Tensor

from isthmus.doctor.diagnosis import CHECKS, When, found_by
from isthmus.doctor.examination import GLANCED_AT, Examination
from isthmus.training.callbacks import Callback, Notes

if TYPE_CHECKING:
    from isthmus.training.loop import Training

COST = 0.01
"""The share of the training's arithmetic that the glances may take, at most."""


class Watch(Callback):
    """Says once, on standard error and in one line, what the doctor sees during training.

    The loss is looked at after every epoch, which costs nothing; the model itself, on 256 samples, only every so many
    epochs that this takes less than a hundredth of the training's arithmetic. It draws nothing and changes nothing:
    the training's bits are the same without it.
    """

    def __init__(self) -> None:
        self.said: list[str] = []

    def train_begin(self, training: "Training") -> None:
        """What is wrong with the data's scaling is plain before the first step."""
        if not training.state.epoch:
            self._speak(training, ("first",))

    def epoch_end(self, training: "Training") -> None:
        """What the loss tells; now and then, what the units tell."""
        glance = training.state.epoch % epochs_between(len(training.samples)) == 0
        self._speak(training, ("epochs", "looks") if glance else ("epochs",))

    def state(self) -> tuple[Notes, dict[str, Tensor]]:
        """What was said already."""
        return {"said": self.said}, {}

    def restore(self, notes: Notes, tensors: dict[str, Tensor]) -> None:
        """Not to be said again."""
        self.said = list(notes["said"])

    def _speak(self, training: "Training", when: tuple[When, ...]) -> None:
        checks = [check for check in CHECKS if check.when in when and not set(check.explained_by) & set(self.said)]
        for finding in found_by(checks, Examination.of_training(training)):
            if finding.name not in self.said:
                self.said.append(finding.name)
                epoch = f"Epoch {training.state.epoch}" if training.state.epoch else "Before training"
                # not a warning: where these are errors, a doctor's word would end the training
                print(f"note: {epoch}, {finding.name}: {finding.words} {finding.cure}", file=sys.stderr)


def epochs_between(samples: int) -> int:
    """From one glance to the next: a sample's forward pass is a third of its training step."""
    return max(1, round(GLANCED_AT / (3 * COST * samples) + 0.5))
