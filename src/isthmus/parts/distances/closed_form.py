"""Distances whose derivative is known in closed form: it is made with the value, in one pass over the output."""

from typing import Any, Protocol

import torch
from torch import Tensor


class KnowsSlope(Protocol):
    """A distance that can make its values and their derivative together."""

    def plain(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N,) by ordinary operations."""
        ...

    def with_slope(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """(N, *outputs), (N, *shape) to (N,) values and their (N, *outputs) derivative by the output."""
        ...


class ClosedForm(torch.autograd.Function):
    """The values of a distance, with its derivative in closed form.

    Autograd would go over the output ten times or more, which takes a third of a small network's step on a CPU.
    A second derivative is that of the ordinary operations.
    """

    @staticmethod
    def forward(ctx: Any, output: Tensor, target: Tensor, distance: KnowsSlope) -> Tensor:
        """(N, *outputs), (N, *shape) to (N,)."""
        values, slope = distance.with_slope(output, target)
        ctx.distance = distance
        ctx.save_for_backward(slope, output, target)
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """(N,) gradients of the values to those of the output."""
        slope, output, target = ctx.saved_tensors
        if torch.is_grad_enabled():
            values = ctx.distance.plain(output, target)
            return torch.autograd.grad(values, output, gradients, create_graph=True)[0], None, None
        return slope * gradients[0].view(-1, *[1] * (slope.ndim - 1)), None, None


def applies(output: Tensor, target: Tensor) -> bool:
    """Whether only the output's gradient is wanted, and by autograd: a compiler or `torch.func` needs the formula."""
    if torch.compiler.is_compiling():
        return False
    transformed = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)()
    return output.requires_grad and torch.is_grad_enabled() and not (target.requires_grad or transformed)
