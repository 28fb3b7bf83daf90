"""A callback: what happens at the six moments of training; the loop knows none of them by name."""

from typing import Any

from torch import Tensor

Notes = dict[str, Any]


class Callback:
    """Something to do at one of six moments; a callback of your own overrides what it needs.

    Each moment gets the `Training`. It calls the callbacks, hence no closer type here.

    A callback that must not forget gives what it knows as `state`, and takes it back in `restore` when a run resumes.
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
        """After an epoch; its figures are the last row of `training.state.history`."""

    def train_end(self, training: Any) -> None:
        """After the last step, however training ended (`training.state.status`)."""

    def state(self) -> tuple[Notes, dict[str, Tensor]]:
        """What to write into a checkpoint: notes that JSON can hold, and tensors."""
        return {}, {}

    def restore(self, notes: Notes, tensors: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
