"""Gated recurrent units over all steps of a series, forwards and backwards."""

import contextlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.parts.networks.packing import Falling, pays, transformed

KEEP = 1e4
"""An update gate's input at which its state stays exactly as it is."""

Given = Sequence[Tensor]
"""x (T, N, C), state (N, W) before the first step, and the weights: of x (3W, C), (3W,), of the state (3W, W), (3W,).

The rows of the weights are those of the reset gate, the update gate and the new state.
"""


def after_step(given: Tensor, state: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(N, 3W) a step's weighted input and the state (N, W) before it to the state after it."""
    reset, update, new = given.chunk(3, 1)
    from_reset, from_update, from_new = F.linear(state, weight, bias).chunk(3, 1)
    fresh = torch.tanh(new + torch.sigmoid(reset + from_reset) * from_new)
    return torch.lerp(fresh, state, torch.sigmoid(update + from_update))


def after_steps(
    x: Tensor,
    state: Tensor,
    weights: Sequence[Tensor],
    there: Tensor | None = None,
    *,
    backwards: bool = False,
) -> Tensor:
    """(T, N, C) and the state (N, W) before the first step to the states (T, N, W) after each step.

    weights: the last four of `Given`. there: (T, N) False for steps that leave the state as it is. backwards: whether
    the last step is read first.

    Derivatives of any order exist. The first ones are written out, with one product for each weight instead of one for
    each step. Within autocast the products are made in its type, and everything else in float32.
    """
    if transformed():
        return step_by_step((x, state, *weights), there, backwards)
    given: Any = (x.contiguous(), state, *weights)
    kind, lowered = x.device.type, x.device.type in ("cpu", "cuda") and torch.is_autocast_enabled(x.device.type)
    if lowered:
        given = tuple(each.to(torch.get_autocast_dtype(kind)) for each in given)
    with torch.autocast(kind, enabled=False) if lowered else contextlib.nullcontext():
        made: Any = _Steps.apply(
            *given, there, backwards, Falling(there) if there is not None and pays(there) else None
        )
    return made if lowered else made.to(x.dtype)


def step_by_step(given: Given, there: Tensor | None, backwards: bool) -> Tensor:
    """The same, line by line."""
    x, state, input_weight, input_bias, weight, bias = given
    reset, update, new = F.linear(x, input_weight, input_bias).chunk(3, 2)
    if there is not None:
        update = update.masked_fill(~there[..., None], KEEP)
    steps = torch.cat([reset, update, new], 2).unbind(0)
    state = state.to(steps[0].dtype)
    states: list[Tensor] = [state] * len(steps)
    for step in _order(len(steps), backwards):
        states[step] = state = after_step(steps[step], state, weight, bias)
    return torch.stack(states)


def _rows(x: Tensor, counts: list[int]) -> tuple[Tensor, ...]:
    """Blocks of this many rows; rows that don't fill a block are left out."""
    return x[: sum(counts)].split(counts)


def _order(length: int, backwards: bool) -> range:
    return range(length)[::-1] if backwards else range(length)


class _Steps(torch.autograd.Function):
    """`after_steps` with its gradient; the gradient of the gradient is that of the steps line by line.

    PyTorch's logistic function takes five to ten times as long on a CPU as its exponential, and both are slow in
    bfloat16 and where rows don't follow each other. So the gates are 1 / (1 + exp(-a)), in float32, in tensors of their
    own; the signs of a are turned in the weights.

    All steps are rows (P, ·), step by step. With `Falling` ones, a step has rows only for the sequences that have not
    ended, which are the first of those of the step before. The states are in blocks of N, and of as many rows as each
    step has: block t and block t + 1 are those before and after step t, or after and before it if it reads backwards.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        *given, there, backwards, falling = arguments
        x, state, input_weight, input_bias, weight, bias = given
        (length, count), width = x.shape[:2], state.shape[1]
        kind = torch.promote_types(x.dtype, torch.float32)
        of_gates, of_new, read = slice(2 * width), slice(2 * width, 3 * width), x.flatten(0, 1)
        mask = None if there is None else ~there[..., None]
        counts = [count] * length
        if falling is not None:
            read, mask, state = falling.places.pack(x), falling.places.pack(mask), state[falling.order]
            counts = falling.counts
        gates = torch.addmm(-(input_bias + bias)[of_gates], read, -input_weight[of_gates].t()).to(kind)
        fresh = torch.addmm(input_bias[of_new], read, input_weight[of_new].t()).to(kind)
        if mask is not None:
            gates[:, width:].masked_fill_(mask.reshape(-1, 1), -KEEP)
        turned, new_bias = torch.cat([-weight[of_gates], weight[of_new]]).t(), bias[of_new].to(kind)
        recalled, states = torch.empty_like(fresh), fresh.new_empty(count + len(fresh), width)
        blocks = _rows(states, [count, *counts])
        states[count + sum(counts) :] = 0
        start = blocks[length if backwards else 0]
        start.copy_(state[: len(start)])
        made, held = x.new_empty(count, 3 * width), torch.empty_like(state)
        by_step = list(zip(counts, *(_rows(each, counts) for each in (gates, fresh, recalled)), strict=True))
        views = {n: (held[:n], made[:n], made[:n, of_gates], made[:n, of_new]) for n in set(counts)}
        for step in _order(length, backwards):
            n, gate, new, back = by_step[step]
            lower, product, to_gates, to_new = views[n]
            before, after = blocks[step + backwards][:n], blocks[step + 1 - backwards]
            torch.mm(before if kind == x.dtype else lower.copy_(before), turned, out=product)
            gate.add_(to_gates).exp_().add_(1).reciprocal_()
            torch.add(to_new, new_bias, out=back)
            new.addcmul_(gate[:, :width], back).tanh_()
            torch.lerp(new, before, gate[:, width:], out=after[:n])
            if n < len(after):  # read backwards, these sequences begin at the next step
                after[n:] = state[n : len(after)]
        ctx.backwards, ctx.falling, ctx.counts = backwards, falling, counts
        ctx.save_for_backward(*given, there, gates, fresh, recalled, states)
        if falling is not None:
            return states.index_select(0, falling.after(backwards=backwards)).view(length, count, width)
        return (states[:-count] if backwards else states[count:]).view(length, count, width)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (grad,), needed, backwards, falling = grads, ctx.needs_input_grad[:6], ctx.backwards, ctx.falling
        *given, there, gates, fresh, recalled, states = ctx.saved_tensors
        if torch.is_grad_enabled():
            made = step_by_step(given, there, backwards)
            asked = [each for each, wanted in zip(given, needed, strict=True) if wanted]
            found = iter(torch.autograd.grad(made, asked, grad.to(made.dtype), create_graph=True))
            return *(next(found) if wanted else None for wanted in needed), None, None, None
        x, state, input_weight, _, weight, _ = given
        (length, count), width, counts, read = x.shape[:2], state.shape[1], ctx.counts, x.flatten(0, 1)
        given_back, after_ends = grad.flatten(0, 1), fresh.new_zeros(count, width)
        if falling is not None:
            read, given_back = falling.places.pack(x), falling.places.pack(grad)
            after_ends = grad.masked_fill(falling.reach[..., None], 0).sum(0)[falling.order]
        back = torch.zeros_like(after_ends) if backwards else after_ends
        blocks = _rows(states, [count, *counts])
        # of each step: what goes back through the new state's recurrent part, the reset gate, the update gate, and the
        # new state's input; so the products of the state take the first three, those of the input the last three
        slopes, slope = x.new_empty(len(fresh), 4 * width), fresh.new_empty(count, 4 * width)
        turned, sums = weight.roll(width, 0), fresh.new_zeros(4 * width)
        passed, other, through = torch.empty_like(back), torch.empty_like(back), torch.empty_like(state)
        buffers = (back, passed, other, through, slope)
        views = {n: ([each[:n] for each in buffers], slope[:n].split(width, 1)) for n in set(counts)}
        slopes[sum(counts) :] = 0
        of_steps = (_rows(each, counts) for each in (given_back, gates, fresh, recalled, slopes))
        by_step = list(zip(counts, *of_steps, strict=True))
        for step in _order(length, not backwards):
            n, given_now, gate, new, from_state, made = by_step[step]
            (onwards, passed, other, through, slope), (to_recalled, to_reset, to_update, to_new) = views[n]
            reset, update = gate.split(width, 1)
            onwards.add_(given_now)
            torch.mul(onwards, update, out=passed)
            torch.sub(blocks[step + backwards][:n], new, out=other).mul_(passed)
            torch.addcmul(other, other, update, value=-1, out=to_update)
            torch.ops.aten.tanh_backward.grad_input(onwards.sub_(passed), new, grad_input=to_new)
            torch.mul(to_new, reset, out=to_recalled)
            torch.mul(to_recalled, from_state, out=other)
            torch.addcmul(other, other, reset, value=-1, out=to_reset)
            sums += slope.sum(0)
            torch.mm(made.copy_(slope)[:, : 3 * width], turned, out=through)
            torch.add(passed, through, out=onwards)
        of_state, of_input = slopes[:, : 3 * width], slopes[:, width:]
        held = states[count:] if backwards else states[: len(fresh)]
        to_x = of_input @ input_weight if needed[0] else None
        if falling is not None:
            to_x = falling.places.unpack(to_x) if to_x is not None else None
            back = (back + after_ends if backwards else back)[falling.rank]
            if not backwards:
                held = states.index_select(0, falling.before())
        held = held.to(x.dtype)
        return (
            to_x.view_as(x) if to_x is not None else None,
            back.to(x.dtype) if needed[1] else None,
            (read.t() @ of_input).t() if needed[2] else None,
            sums[width:].to(x.dtype),
            (held.t() @ of_state).t().roll(-width, 0) if needed[4] else None,
            sums[: 3 * width].roll(-width).to(x.dtype),
            None,
            None,
            None,
        )
