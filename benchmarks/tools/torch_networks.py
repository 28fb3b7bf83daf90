"""The workloads' networks as anybody writes them in PyTorch."""

from itertools import pairwise

from torch import nn
from workloads import Workload


def encoder(workload: Workload) -> nn.Sequential:
    """(N, 784) or (N, 1, 28, 28) to the code."""
    if workload.network == "conv":
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
        )
    return nn.Sequential(*(layer for sizes in pairwise(workload.widths) for layer in (nn.Linear(*sizes), nn.ReLU())))


def decoder(workload: Workload) -> nn.Sequential:
    """The code to (N, 784) or (N, 1, 28, 28)."""
    if workload.network == "conv":
        return nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(8, 16, 3),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(16, 1, 3, padding=1),
            nn.Sigmoid(),
        )
    layers = [layer for sizes in pairwise(workload.widths[::-1]) for layer in (nn.Linear(*sizes), nn.ReLU())]
    return nn.Sequential(*layers[:-1], nn.Sigmoid())


def shape(workload: Workload) -> tuple[int, ...]:
    """Of one sample, as the network takes it."""
    return (1, 28, 28) if workload.network == "conv" else (784,)
