"""The generator of a run's random numbers: on the training device, so that nothing is copied there at every step."""

import numpy as np
import torch

from isthmus.data import Samples
from isthmus.data.layout import Order
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


def epoch_order(samples: Samples, seed: int, epoch: int, device: torch.device) -> torch.Tensor | Order:
    """(N,) int64 the order of the samples in an epoch, from the numbers and the kind of device only.

    All samples are shuffled together, unless they are streamed and don't fit into one window.
    """
    count, layout, number = len(samples), samples.layout, (seed * 1_000_003 + epoch) % 2**63
    if layout is not None and count > layout.window:
        return layout.order(samples.rows, number)
    generator = torch.Generator(device=device).manual_seed(number)
    order = torch.randperm(count, generator=generator, device=device)
    return order if layout is None else Order(np.array([0]), np.array([count]), count, lambda *_: order.cpu())


def reseed(generator: torch.Generator, step: int) -> None:
    """Seed a generator anew for the step with this number, from its first seed."""
    generator.manual_seed((generator.initial_seed() * 1_000_003 + step + 1) % 2**63)


def name_of_state(generator: torch.Generator) -> str:
    """The name of a generator's state in a checkpoint; each kind of device has its own."""
    kind = generator.device.type
    return "generator" if kind == "cpu" else f"generator/{kind}"
