"""The watch: the doctor during training, which prints a line for each finding as soon as it appears."""

import time

from torch import Tensor

from isthmus.doctor.diagnosis import CHECKS, When, found_by
from isthmus.doctor.examination import Examination
from isthmus.notebook import say
from isthmus.training import Training
from isthmus.training.callback import Callback, Notes

COST = 0.01
"""The largest share of the training time that examining the units may take."""
GUESS = 0.02
"""Assumed seconds of the first examination of the units."""


class Watch(Callback):
    """Prints each finding during training once, in one line on standard error.

    It checks the loss after every epoch, which costs nothing. It examines the model itself on 256 samples, as often as
    this takes less than a hundredth of the training time. It draws no random numbers and changes nothing: training
    gives the same bits with and without it.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.spent, self.last = 0.0, GUESS

    def train_begin(self, training: Training) -> None:
        """Check the data's scaling before the first step."""
        if not training.state.epoch:
            self._speak(training, ("first",))

    def epoch_end(self, training: Training) -> None:
        """Check the loss; now and then, check the units."""
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
        """The findings that were printed already."""
        return {"said": self.said}, {}

    def restore(self, notes: Notes, tensors: dict[str, Tensor]) -> None:
        """Restore the list, so that no finding is printed again."""
        self.said = list(notes["said"])

    def _speak(self, training: Training, when: tuple[When, ...]) -> None:
        checks = [check for check in CHECKS if check.when in when and not set(check.explained_by) & set(self.said)]
        for finding in found_by(checks, Examination.of_training(training)):
            if finding.name not in self.said:
                self.said.append(finding.name)
                epoch = f"Epoch {training.state.epoch}" if training.state.epoch else "Before training"
                # not a warning: if warnings are errors, a finding would end the training
                say(f"note: {epoch}, {finding.name}: {finding.words} {finding.cure}")
