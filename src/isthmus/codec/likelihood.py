"""The distributions of samples' whole numbers under a model's likelihood."""

import math

import torch
from torch import Tensor

from isthmus.codec.exact_model import ExactModel
from isthmus.codec.grid import Grid
from isthmus.codec.stack import Levels
from isthmus.exact import exactly


def likelihood(model: ExactModel, output: Tensor, grid: Grid) -> Levels:
    """The distributions of the numbers of N samples on a grid, given the decoder's (N, *outputs).

    A whole number k has the probability that the likelihood gives to the values nearer to its value than to the others.
    """
    distance, scaling = model.model.distance, model.scaling
    shape = model.model.shape
    shift, scale = (_each(x.double(), shape) for x in (scaling.exact_shift(), scaling.scale))
    count, each = int(grid.count.max()), math.prod(shape)
    with exactly():
        parameters = distance.parameters(output)
        likely = distance.likely(parameters).flatten(1)
        if distance.alike:
            parameters = parameters.unflatten(1, (-1, shape[0])).movedim(1, -1).flatten(0, -2)

    def cumulative(rows: Tensor, level: Tensor) -> Tensor:
        place = rows % each
        raw = grid.boundary(level, place)
        value = raw if scaling.kind == "none" else (raw - shift[place]) / scale[place]
        if distance.alike:
            with exactly():
                return distance.cumulative(parameters[rows], value[:, None])[:, 0]
        samples, of = (rows // each).unique(return_inverse=True)
        values = torch.zeros(len(samples), each, dtype=torch.float64)
        values[of, place] = value
        with exactly():
            return distance.cumulative(parameters[samples], values)[of, place]

    raw = likely if scaling.kind == "none" else likely * scale + shift
    guess = grid.position(raw).flatten().round().long().clamp(1, max(1, count - 1))
    return Levels(count, cumulative, guess, torch.ones_like(guess)).from_end()


def _each(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """One number for each of a sample's numbers, flat."""
    return (x.reshape(shape) if x.numel() == math.prod(shape) else x).expand(shape).flatten()
