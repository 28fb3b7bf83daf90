"""The generator of a run's random numbers: on the training device, so that nothing is copied there at every step."""

import numpy as np
import torch

from isthmus.data import Samples
from isthmus.model.autoencoder import Autoencoder


def generator_for(model: Autoencoder, device: torch.device, seed: int) -> torch.Generator:
    """A generator on the device; on the CPU if the device has none, or if a part of the model draws only there.

    The same seed gives other numbers on another kind of device. On CUDA it is counter-based (Philox): its state is a
    seed and a count of the numbers drawn.
    """
    if device.type == "cpu":
        return torch.Generator().manual_seed(seed)
    try:
        generator = torch.Generator(device=device)
        model.draw(1, generator)
    except RuntimeError:  # a part of your own, say, whose `draw` doesn't make its tensors on `generator.device`
        generator = torch.Generator()
    return generator.manual_seed(seed)


def epoch_order(samples: Samples, seed: int, epoch: int, device: torch.device) -> tuple[torch.Tensor, np.ndarray]:
    """(N,) int64 the order of the samples in an epoch, from the numbers and the kind of device only.

    And (W,) int64, the end of each window of it: of streamed samples that don't fit into one window, those of their
    layout, on the CPU; otherwise all samples are shuffled together.
    """
    layout, number = samples.layout, (seed * 1_000_003 + epoch) % 2**63
    if layout is not None and len(samples) > layout.window:
        return layout.order(samples.rows, torch.Generator().manual_seed(number))
    generator = torch.Generator(device=device).manual_seed(number)
    return torch.randperm(len(samples), generator=generator, device=device), np.array([len(samples)])


def reseed(generator: torch.Generator, step: int) -> None:
    """Seed a generator anew for the step with this number, from its first seed."""
    generator.manual_seed((generator.initial_seed() * 1_000_003 + step + 1) % 2**63)


def name_of_state(generator: torch.Generator) -> str:
    """The name of a generator's state in a checkpoint; each kind of device has its own."""
    kind = generator.device.type
    return "generator" if kind == "cpu" else f"generator/{kind}"
