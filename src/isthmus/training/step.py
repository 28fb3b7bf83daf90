"""The types of a training step, compiled or not."""

from collections.abc import Callable

from torch import Tensor

from isthmus.model.batch import Inputs

Terms = dict[str, Tensor]
Step = Callable[[Inputs, Tensor | None, float], tuple[Tensor, Terms]]
"""(inputs, penalty weights, learning rate) to (loss, terms), after the optimiser's update."""
Differentiate = Callable[[Inputs, Tensor | None], tuple[list[Tensor], Tensor, Terms]]
"""(inputs, penalty weights) to (gradients, loss, terms)."""
Combine = Callable[[list[Tensor], Tensor, Terms], tuple[list[Tensor], Tensor, Terms]]
"""A process' (gradients, loss, terms) to those of the whole batch."""


def alone(gradients: list[Tensor], loss: Tensor, terms: Terms) -> tuple[list[Tensor], Tensor, Terms]:
    """Of a single process, they are those of the whole batch already."""
    return gradients, loss, terms
