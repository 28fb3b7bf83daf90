"""A live loss curve: the losses so far, below the cell of a notebook that trains."""

import time

from isthmus.drawing.figures import loss_curves
from isthmus.notebook import Place, in_notebook, say
from isthmus.training import Callback, Training


class LossCurve(Callback):
    """Draws the training and the validation loss while a notebook trains.

        run = ist.fit(model, data, callbacks=[ist.LossCurve()])

    seconds: from one drawing to the next, which takes a tenth of a second.
    """

    def __init__(self, seconds: float = 2.0) -> None:
        self.seconds, self.drawn, self.place = seconds, 0.0, Place()

    def train_begin(self, training: Training) -> None:
        """A new curve."""
        self.place, self.drawn = Place(), time.monotonic()
        if not in_notebook():
            say("note: LossCurve draws in notebooks only. After training, run.plot() draws the losses.")

    def epoch_end(self, training: Training) -> None:
        """Draw the losses, if it is time."""
        if time.monotonic() - self.drawn >= self.seconds:
            self._draw(training)

    def train_end(self, training: Training) -> None:
        """Draw the whole curve, which stays."""
        self._draw(training)

    def _draw(self, training: Training) -> None:
        if in_notebook() and training.state.history:
            self.place.show(loss_curves(training.state.history, best_epoch=training.state.best_epoch))
            self.drawn = time.monotonic()
