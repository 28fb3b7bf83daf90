"""A callback: code that runs at one of six moments of training; the loop knows no callback by name."""

from typing import Any

from torch import Tensor

Notes = dict[str, Any]


class Callback:
    """Code that runs at one of six moments of training. A custom callback overrides the methods that it needs.

    Each method gets the `Training` (typed Any here, because `Training` imports this class).

    A callback with a state returns it from `state`, and gets it back in `restore` when a run is resumed.
    """

    def train_begin(self, training: Any) -> None:
        """Before the first step, also of a resumed run."""

    def epoch_begin(self, training: Any) -> None:
        """Before an epoch's first step."""

    def batch_begin(self, training: Any) -> None:
        """Before a step."""

    def batch_end(self, training: Any) -> None:
        """After a step; `training.state.losses[training.state.step - 1]` is its loss."""

    def epoch_end(self, training: Any) -> None:
        """After an epoch; its results are the last row of `training.state.history`."""

    def train_end(self, training: Any) -> None:
        """After the last step, however training ended (see `training.state.status`)."""

    def state(self) -> tuple[Notes, dict[str, Tensor]]:
        """The callback's state for a checkpoint: JSON notes, and tensors."""
        return {}, {}

    def restore(self, notes: Notes, tensors: dict[str, Tensor]) -> None:
        """Restore the state that `state` returned."""
