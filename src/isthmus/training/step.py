"""What a training step is, whichever way it is taken."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

Terms = dict[str, Tensor]
Step = Callable[[Tensor, Any, Tensor | None, float], tuple[Tensor, Terms]]
"""(raw batch, draws, penalty weights, learning rate) to (loss, terms), after the optimiser's move."""
Differentiate = Callable[[Tensor, Any, Tensor | None], tuple[list[Tensor], Tensor, Terms]]
"""(raw batch, draws, penalty weights) to (gradients, loss, terms)."""
