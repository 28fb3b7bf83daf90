"""One thread for small steps: several wait for each other longer than they work."""

import contextlib
from collections.abc import Iterator

import torch

from isthmus.model.autoencoder import Autoencoder
from isthmus.threads import limited

SMALL = 2**23
"""Weights times samples of a batch, up to which a step of a dense network is as fast on one thread as on two.

On a machine that others use too, two threads took ten times as long for a small step: each of its hundred operations
waits for both of them (docs/decisions/0022).
"""


@contextlib.contextmanager
def few_threads(model: Autoencoder, batch_size: int, device: torch.device) -> Iterator[None]:
    """Within the block, PyTorch uses one thread if the model is a dense network whose steps are small.

    The number is put back afterwards. So a small model gets the same bits on any number of cores.
    """
    weights = sum(parameter.numel() for parameter in model.parameters())
    flat = model.blueprint is not None and model.blueprint.network.flat
    small = device.type == "cpu" and flat and weights * batch_size <= SMALL
    with limited(1 if small else torch.get_num_threads()):
        yield
