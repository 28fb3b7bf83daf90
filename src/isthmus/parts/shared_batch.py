"""A batch that several processes share: each has some of its samples, and parts that look over all of them gather.

With one process, and outside of a training step, there is nothing to gather, and all of this costs nothing.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Share:
    """The samples that this process has of a batch of `count`: those from `begin` to `end`.

    weight: what their mean loss counts for in that of the whole batch.
    add: makes a tensor the sum of itself over all processes, in place, and returns it. Each process must call it
        equally often, with tensors of the same shape.
    """

    begin: int
    end: int
    count: int
    weight: float
    add: Callable[[Tensor], Tensor]

    @property
    def size(self) -> int:
        """The number of samples here."""
        return self.end - self.begin


_SHARE: ContextVar[Share | None] = ContextVar("share", default=None)


@contextlib.contextmanager
def sharing(share: Share | None) -> Iterator[None]:
    """Within the block, the batch is this process' share of one; None: there is one process."""
    before = _SHARE.set(share)
    try:
        yield
    finally:
        _SHARE.reset(before)


def whole(x: Tensor) -> Tensor:
    """(n, …) of this process' samples to (N, …) of the whole batch, in its order; (K·n, …) to (K·N, …) draw by draw.

    A part whose value depends on the batch as a whole takes this of what it looks at (see `Penalty.over_batch`). The
    gradient is that of the sum of all processes' losses.
    """
    share = _divided()
    return x if share is None else _Gathered.apply(x, share)  # pyright: ignore[reportReturnType] an untyped function


def total(x: Tensor) -> Tensor:
    """The sum of a tensor over the processes that share the batch; its gradient is as for `whole`."""
    share = _divided()
    return x if share is None else _Summed.apply(x, share)  # pyright: ignore[reportReturnType] as above


def own(x: Tensor) -> Tensor:
    """(N, …) of the whole batch to (n, …) of this process' samples."""
    share = _divided()
    return x if share is None else x[share.begin : share.end]


def whole_count(count: int) -> int:
    """The number of samples of the whole batch, of which `count` are here."""
    share = _divided()
    return count if share is None else share.count


def weighed(mean: Tensor) -> Tensor:
    """The mean over this process' samples, as its part of the mean over the whole batch."""
    share = _SHARE.get()
    return mean if share is None else mean * share.weight


def _divided() -> Share | None:
    """The share, if it isn't the whole batch."""
    if torch.compiler.is_dynamo_compiling():  # it knows no context, and several processes don't compile what gathers
        return None
    share = _SHARE.get()
    return None if share is None or share.size == share.count else share


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, share: Share) -> Tensor:
        ctx.share = share
        draws = x.shape[0] // share.size
        kind = torch.uint8 if x.dtype == torch.bool else x.dtype
        everyone = x.new_zeros((draws, share.count, *x.shape[1:]), dtype=kind)
        everyone[:, share.begin : share.end] = x.view(draws, share.size, *x.shape[1:])
        return share.add(everyone).flatten(0, 1).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        share, (gradient,) = ctx.share, gradients
        draws = gradient.shape[0] // share.count
        summed = share.add(gradient.clone(memory_format=torch.contiguous_format))
        each = summed.view(draws, share.count, *gradient.shape[1:])
        return each[:, share.begin : share.end].flatten(0, 1), None


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, share: Share) -> Tensor:
        ctx.share = share
        return share.add(x.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.share.add(gradients[0].clone(memory_format=torch.contiguous_format)), None


@contextlib.contextmanager
def normalised_together(model: nn.Module) -> Iterator[None]:
    """Within the block, batch normalisation takes the mean and the variance of the whole batch."""
    layers: list[Any] = [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    for layer in layers:
        layer.forward = partial(_normalised, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _normalised(layer: Any, x: Tensor) -> Tensor:
    """What `layer` makes of (n, C, …), of which other processes have the rest."""
    share = _divided()
    if share is None or not layer.training:
        return type(layer).forward(layer, x)
    places = [0, *range(2, x.ndim)]
    shape = [1, -1, *[1] * (x.ndim - 2)]
    values = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    count = share.count * values[0, 0].numel()
    mean = total(values.sum(places)) / count
    centred = values - mean.view(shape)
    variance = total(centred.square().sum(places)) / count
    if layer.track_running_stats:
        layer.num_batches_tracked.add_(1)
        step = 1 / layer.num_batches_tracked if layer.momentum is None else layer.momentum
        with torch.no_grad():
            layer.running_mean.lerp_(mean.to(layer.running_mean.dtype), step)
            unbiased = variance * (count / max(1, count - 1))
            layer.running_var.lerp_(unbiased.to(layer.running_var.dtype), step)
    scale = (variance + layer.eps).rsqrt()
    if layer.affine:
        return (centred * (scale * layer.weight).view(shape) + layer.bias.view(shape)).to(x.dtype)
    return (centred * scale.view(shape)).to(x.dtype)
