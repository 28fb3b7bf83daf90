"""Moments: the optimiser's state, carried from one training to the next."""

from torch import Tensor

from isthmus.training import Callback
from isthmus.training.loop import Training


class Moments(Callback):
    """Starts a training with the state in which the optimiser ended the one before.

    So the epochs of `partial_fit` on parts of the data follow each other as the steps of one training do.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Tensor] = {}

    def train_begin(self, training: Training) -> None:
        """Restore the state, if it is one of this optimiser."""
        own = training.optimiser.state()
        if self.kept and {name: value.shape for name, value in own.items()} == {
            n: v.shape for n, v in self.kept.items()
        }:
            training.optimiser.restore(self.kept)

    def train_end(self, training: Training) -> None:
        """Keep the state."""
        self.kept = {name: value.detach().cpu().clone() for name, value in training.optimiser.state().items()}
