"""One thread for small steps: several wait for each other longer than they work."""

import contextlib
from collections.abc import Iterator

import torch

from isthmus.model.autoencoder import Autoencoder

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
    before = torch.get_num_threads()
    weights = sum(parameter.numel() for parameter in model.parameters())
    flat = model.blueprint is not None and model.blueprint.network.flat
    if device.type != "cpu" or before == 1 or not flat or weights * batch_size > SMALL:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
