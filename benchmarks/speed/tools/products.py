"""No tool but a floor: the matrix products that the gradients of a dense network take, in float32, and nothing else."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.gate import Gate
from benchmarks.speed.tools import Settings
from benchmarks.speed.workloads import Workload


def train(workload: Workload, settings: Settings, pictures: np.ndarray, gate: Gate) -> None:
    """Forward, weights' and inputs' gradients of each layer, for as many batches as the others take."""
    generator = torch.Generator().manual_seed(settings.seed)
    steps = -(-len(pictures) // settings.batch_size)
    layers = [Layer(*widths, settings.batch_size, generator) for widths in layer_widths(workload)]
    for _ in range(settings.epochs):
        gate.epoch_begin()
        for _ in range(steps):
            for layer in layers:
                torch.mm(layer.input, layer.weight, out=layer.output)
            for layer in reversed(layers):
                torch.mm(layer.input.T, layer.output, out=layer.weight_gradient)
                if layer is not layers[0]:  # nobody wants the data's gradient
                    torch.mm(layer.output, layer.weight.T, out=layer.input_gradient)
        gate.epoch_end(0.0)


class Layer:
    """The matrices of one layer: (N, inputs) @ (inputs, outputs)."""

    def __init__(self, inputs: int, outputs: int, count: int, generator: torch.Generator) -> None:
        def drawn(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator)

        self.input, self.weight, self.output = drawn(count, inputs), drawn(inputs, outputs), drawn(count, outputs)
        self.input_gradient, self.weight_gradient = torch.empty(count, inputs), torch.empty(inputs, outputs)


def layer_widths(workload: Workload) -> list[tuple[int, int]]:
    """(inputs, outputs) of each layer; a VAE's encoder ends in means and log-variances."""
    widths = [workload.widths[0], *workload.hidden, workload.widths[0]]
    pairs = list(pairwise(widths))
    if workload.network == "vae":
        middle = len(workload.widths) - 2
        pairs[middle] = (pairs[middle][0], 2 * pairs[middle][1])
    return pairs
