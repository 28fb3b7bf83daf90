"""The workloads' networks as anybody writes them in PyTorch."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.speed.tools import scaled
from benchmarks.speed.workloads import Workload


def encoder(workload: Workload) -> nn.Sequential:
    """(N, 784) or (N, 1, 28, 28) to the code, or to its mean and log-variance."""
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
    layers = [layer for sizes in pairwise(workload.widths) for layer in (nn.Linear(*sizes), nn.ReLU())]
    return (
        nn.Sequential(*layers[:-2], Heads(*workload.widths[-2:]))
        if workload.network == "vae"
        else nn.Sequential(*layers)
    )


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


class Heads(nn.Module):
    """The mean and the log-variance of a VAE's code."""

    def __init__(self, features: int, code: int) -> None:
        super().__init__()
        self.mean, self.log_variance = nn.Linear(features, code), nn.Linear(features, code)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, features) to two of (N, code)."""
        return self.mean(features), self.log_variance(features)


class Vae(nn.Module):
    """The VAE of PyTorch's examples; its output is its loss."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder(workload), decoder(workload)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 784) to the mean negative ELBO."""
        mean, log_variance = self.encoder(x)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        distance = F.binary_cross_entropy(self.decoder(z), x, reduction="sum")
        kl = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        return (distance + kl) / len(x)

    def reconstruct(self, x: Tensor) -> Tensor:
        """(N, 784) to (N, 784), by way of the codes' means."""
        return self.decoder(self.encoder(x)[0])


def as_samples(workload: Workload, pictures: np.ndarray) -> Tensor:
    """The samples as the network takes them."""
    return torch.from_numpy(scaled(pictures)).reshape(-1, *shape(workload))


def shape(workload: Workload) -> tuple[int, ...]:
    """Of one sample, as the network takes it."""
    return (1, 28, 28) if workload.network == "conv" else workload.widths[:1]
