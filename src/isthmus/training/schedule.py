"""What changes from step to step in an epoch: learning rate, penalty weights and the epochs trained so far."""

from collections.abc import Sequence

import torch
from torch import Tensor

from isthmus.parts import CodeKind, Penalty
from isthmus.training.settings import Settings, learning_rate_at


class Schedule:
    """One epoch's schedules.

    weights: (steps, penalties), if a warm-up changes them. epochs: (steps,), if the code or a penalty needs them. Both
    are on the device, made there once an epoch; None if they aren't needed.
    """

    def __init__(
        self,
        settings: Settings,
        code: CodeKind,
        penalties: Sequence[Penalty],
        epoch: int,
        steps: int,
        device: torch.device,
    ) -> None:
        self.settings, self.epoch, self.steps, self.device = settings, epoch, steps, device
        self.weights: Tensor | None = None
        self.epochs: Tensor | None = None
        trained = (number / steps for number in range(epoch * steps, (epoch + 1) * steps))
        if any(penalty.warmup or penalty.cycle for penalty in penalties):
            weights = [[penalty.weight_at(epochs) for penalty in penalties] for epochs in trained]
            self.weights = torch.tensor(weights, device=device)
        if code.scheduled or any(penalty.scheduled for penalty in penalties):
            self.epochs = (torch.arange(steps, dtype=torch.float64) + epoch * steps).div(steps).float().to(device)

    def rate(self, step: int) -> float:
        """The learning rate of a step of this epoch."""
        return learning_rate_at(self.settings, self.epoch * self.steps + step, self.steps)

    def rates(self) -> Tensor:
        """(steps,) all learning rates of this epoch, on the device."""
        return torch.tensor([self.rate(step) for step in range(self.steps)], device=self.device)
