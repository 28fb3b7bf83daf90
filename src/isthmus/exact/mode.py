"""A mode in which a model computes the same bits on every machine, with any number of threads."""

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode

from isthmus.errors import UseError
from isthmus.exact import functions, tables

aten = torch.ops.aten

FEW = 32
"""So many terms are added one after the other, in their order; of more, the sum is made exact."""
BITS = 53
"""Whole numbers up to 2⁵³ are exact in float64, and so are their sums in any order."""
LARGEST = 2.0**500
"""The largest number in a sum. Beyond it, or below its inverse, a product of two could leave the range of float64."""


@contextlib.contextmanager
def exactly() -> Iterator[None]:
    """Within the block, float64 computations give the same bits on every machine. There are no gradients.

        with exactly():
            output = model.double().decoder(z.double())

    Sums of rounded numbers depend on their order, and so on the processor, the library and the number of threads. Here
    the terms of every sum are whole multiples of a power of two, few enough to be exact in any order: both factors of a
    matrix product or convolution are rounded to about 21 bits before it (each sample by its own largest number, so that
    a batch's other samples don't matter). Functions such as exp are made of correctly rounded operations
    (`isthmus.exact.functions`).

    Raises:
        UseError: in the block, for an operation that isn't known to be exact, numbers that aren't float64 on the CPU,
            or sums of numbers that are infinite, NaN or above 1e150.
    """
    if isinstance(_get_current_dispatch_mode(), _Exact):
        yield
        return
    with torch.no_grad(), _Exact():  # both for this thread only
        yield


class _Exact(TorchDispatchMode):
    """Sends each operation to its exact counterpart, and refuses the ones without."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, so PyTorch needn't load its compiler for that, which takes seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        operation = func.overloadpacket
        real = [given for given in _tensors((*args, *kwargs.values())) if given.is_floating_point()]
        for given in () if operation is aten._to_copy else real:
            if given.dtype != torch.float64 or given.device.type != "cpu":
                raise UseError(
                    f"Exact arithmetic needs float64 on the CPU, but {operation} got {given.dtype} on {given.device}."
                )
        if operation in _EXACT or operation in _LAID_OUT:
            return func(*args, **kwargs)
        if operation in _COUNTERPARTS and (real or operation in _CREATED):
            return _COUNTERPARTS[operation](*args, **kwargs)
        if not real:
            return func(*args, **kwargs)  # whole numbers: exact
        raise UseError(
            f"This model computes {str(operation).removeprefix('aten.')}, which has no exact form, so its results "
            "could differ on another machine. Use a model without it."
        )


def _tensors(values: Any) -> Iterator[Tensor]:
    """The tensors among arguments, and in lists among them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _operations(names: str) -> set[Any]:
    """The operations of these names, as far as this version of PyTorch has them."""
    return {getattr(aten, name) for name in names.split() if hasattr(aten, name)}


_EXACT = _operations("""
    mul neg abs reciprocal relu leaky_relu threshold hardtanh clamp clamp_min clamp_max maximum minimum where
    eq ne lt le gt ge floor ceil trunc sign copysign isnan isinf isfinite frexp amax amin argmax argmin any all
    equal masked_fill mul_ neg_ abs_ floor_ clamp_ bucketize searchsorted max_pool2d_with_indices
    upsample_nearest1d upsample_nearest2d
""")
"""Correctly rounded, or free of rounding."""

_LAID_OUT = _operations("""
    view _unsafe_view reshape _reshape_alias t transpose transpose_ permute movedim expand repeat cat stack slice
    select split split_with_sizes unsafe_split unsafe_split_with_sizes unbind unsqueeze squeeze unfold im2col roll
    flip diagonal diag_embed tril triu as_strided clone contiguous detach alias copy copy_ _to_copy fill fill_ zero_
    zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty index index_select gather embedding
    constant_pad_nd replication_pad1d replication_pad2d reflection_pad1d reflection_pad2d pixel_shuffle pixel_unshuffle
    channel_shuffle lift_fresh lift_fresh_copy _local_scalar_dense
""")
"""Move numbers without computing."""


def _rounded(x: Tensor, bits: int, axes: list[int]) -> Tensor:
    """The numbers rounded to multiples of one power of two, at most 2^bits of it; one power for each slice.

    axes: those of a slice.
    """
    largest = x.abs().amax(axes, keepdim=True) if x.numel() else x.new_zeros(())
    if not bool((largest <= LARGEST).all()):
        raise UseError(
            "The model computes numbers that are infinite, NaN or above 1e150, so it can't be used in exact "
            "arithmetic. Check the samples and the model: isthmus doctor."
        )
    exponent = torch.frexp(largest)[1].to(torch.int64)
    exponent = (exponent - bits).clamp(min=-500)
    step, inverse = (((sign * exponent + 1023) << 52).view(torch.float64) for sign in (1, -1))
    return (x * inverse).round_().mul_(step)


def _factors(one: Tensor, other: Tensor, terms: int, axes: tuple[list[int], list[int]]) -> tuple[Tensor, Tensor]:
    """Both factors of sums of `terms` products, rounded so that the sums are exact."""
    bits = BITS - 1 - math.ceil(math.log2(max(1, terms)))
    return _rounded(one, bits // 2, axes[0]), _rounded(other, bits - bits // 2, axes[1])


def _mm(one: Tensor, other: Tensor) -> Tensor:
    return torch.mm(*_factors(one, other, one.shape[1], ([1], [0])))


def _bmm(one: Tensor, other: Tensor) -> Tensor:
    return torch.bmm(*_factors(one, other, one.shape[2], ([2], [1])))


def _addmm(added: Tensor, one: Tensor, other: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return beta * added + alpha * _mm(one, other)


def _baddbmm(added: Tensor, one: Tensor, other: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return beta * added + alpha * _bmm(one, other)


def _convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
) -> Tensor:
    """By matrix products: on the CPU, PyTorch has no other float64 convolution, such as by transforms that round."""
    terms = weight[0].numel() if not transposed else weight.shape[0] * weight[0, 0].numel()
    x, weight = _factors(x, weight, terms, (list(range(1, x.ndim)), list(range(weight.ndim))))
    made = aten.convolution(x, weight, None, stride, padding, dilation, transposed, output_padding, groups)
    return made if bias is None else made + bias.view(-1, *[1] * (made.ndim - 2))


def _sum(x: Tensor, axes: list[int] | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    axes = list(range(x.ndim)) if not axes else [axis % x.ndim for axis in axes]
    count = math.prod(x.shape[axis] for axis in axes)
    if len(axes) == 1 and 0 < count <= FEW:
        terms = x.unbind(axes[0])
        made = functools.reduce(torch.add, terms[1:], terms[0].clone())
        return made.unsqueeze(axes[0]) if keepdim else made
    rounded = _rounded(x, BITS - 1 - math.ceil(math.log2(max(1, count))), axes)
    return torch.sum(rounded, axes, keepdim=keepdim)


def _mean(x: Tensor, axes: list[int] | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    axes = list(range(x.ndim)) if not axes else [axis % x.ndim for axis in axes]
    return _sum(x, axes, keepdim) / math.prod(x.shape[axis] for axis in axes)


def _cumsum(x: Tensor, axis: int, *, dtype: Any = None) -> Tensor:
    bits = BITS - 1 - math.ceil(math.log2(max(1, x.shape[axis])))
    return torch.cumsum(_rounded(x, bits, [axis % x.ndim]), axis)


def _softmax(x: Tensor, axis: int, half_to_float: bool = False) -> Tensor:
    weights = functions.exp(x - x.amax(axis, keepdim=True))
    return weights / _sum(weights, [axis], keepdim=True)


def _logsumexp(x: Tensor, axes: list[int], keepdim: bool = False) -> Tensor:
    most = x.amax(axes, keepdim=True)
    made = functions.log(_sum(functions.exp(x - most), axes, keepdim=True)) + most
    return made if keepdim else made.squeeze(tuple(axes))


def _log_softmax(x: Tensor, axis: int, half_to_float: bool = False) -> Tensor:
    return x - _logsumexp(x, [axis], keepdim=True)


def _normalised(x: Tensor, axes: list[int], epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    centre = _mean(x, axes, keepdim=True)
    apart = x - centre
    inverse = 1 / functions.sqrt(_mean(apart * apart, axes, keepdim=True) + epsilon)
    return apart * inverse, centre, inverse


def _layer_norm(
    x: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    made, centre, inverse = _normalised(x, list(range(x.ndim - len(shape), x.ndim)), epsilon)
    made = made if weight is None else made * weight
    return (made if bias is None else made + bias), centre, inverse


def _group_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    count: int,
    channels: int,
    positions: int,
    groups: int,
    epsilon: float,
) -> tuple[Tensor, Tensor, Tensor]:
    made, centre, inverse = _normalised(x.reshape(count, groups, -1), [2], epsilon)
    made, each = made.reshape(x.shape), (1, -1, *[1] * (x.ndim - 2))
    made = made if weight is None else made * weight.view(each)
    return (made if bias is None else made + bias.view(each)), centre, inverse


def _batch_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, variance: Tensor, *rest: Any
) -> tuple[Tensor, Tensor, Tensor]:
    if rest[0] is True:
        raise UseError("This model normalises by its batch, as in training. Switch it to evaluation: model.eval().")
    epsilon, each = rest[-1], (1, -1, *[1] * (x.ndim - 2))
    made = (x - mean.view(each)) / functions.sqrt(variance + epsilon).view(each)
    made = made if weight is None else made * weight.view(each)
    return (made if bias is None else made + bias.view(each)), mean, variance


def _elu(x: Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Tensor:
    if input_scale != 1:
        raise UseError("ELU with an input scale has no exact form here. Use a model without it.")
    whole = tables.elu(x)
    positive = x.clamp(min=0)
    return scale * (positive + alpha * (whole - positive))


def _gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    if approximate == "tanh":
        return 0.5 * x * (1 + tables.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    return tables.gelu(x)


def _softplus(x: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    return tables.softplus(beta * x) / beta


def _logit(x: Tensor, epsilon: float | None = None) -> Tensor:
    x = x if epsilon is None else x.clamp(epsilon, 1 - epsilon)
    return functions.log(x / (1 - x))


def _pow(x: Any, power: Any) -> Tensor:
    if isinstance(power, float) and power == 0.5:
        return functions.sqrt(x)
    if isinstance(x, Tensor) and isinstance(power, int | float) and float(power).is_integer() and 0 < power <= 8:
        made = x
        for _ in range(int(power) - 1):
            made = made * x
        return made
    raise UseError(f"This model takes numbers to the power {power}, which has no exact form. Use a model without it.")


def _average(
    x: Tensor,
    kernel: list[int],
    stride: list[int] | None = None,
    padding: Sequence[int] = (),
    ceil: bool = False,
    counted: bool = True,
    divisor: int | None = None,
) -> Tensor:
    if any(padding) or ceil or divisor is not None:
        raise UseError("Average pooling with padding has no exact form here. Use a model without it.")
    x = _rounded(x, BITS - 1 - math.ceil(math.log2(math.prod(kernel))), list(range(1, x.ndim)))
    channels = x.shape[1]
    ones = x.new_ones(1, 1, *kernel)
    summed = aten.convolution(
        x.flatten(0, 1)[:, None], ones, None, list(stride or kernel), [0, 0], [1, 1], False, [0, 0], 1
    )
    return summed.view(len(x), channels, *summed.shape[2:]) / math.prod(kernel)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool, scale: float | None
) -> Tensor:
    """(N, H, T, E) queries, (N, H, S, E) keys and (N, H, S, V) values to (N, H, T, V)."""
    lead, keys = query.shape[:-2], key.transpose(-2, -1).flatten(0, -3)
    scores = _bmm(query.flatten(0, -3), keys).unflatten(0, lead) * (scale or 1 / math.sqrt(query.shape[-1]))
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    return _bmm(_softmax(scores, -1).flatten(0, -3), value.flatten(0, -3)).unflatten(0, lead)


def _fast_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    dropout: float = 0.0,
    causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    return _attention(query, key, value, attn_mask, causal, scale), query.new_empty(0)


def _plain_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    dropout: float = 0.0,
    causal: bool = False,
    *rest: Any,
    scale: float | None = None,
    **others: Any,
) -> tuple[Tensor, Tensor]:
    return _attention(query, key, value, mask, causal, scale), query.new_empty(0)


def _times(other: Any, alpha: float) -> Any:
    """The second term of a sum; PyTorch may fuse its multiplication with the addition."""
    return other if alpha == 1 else alpha * other


def _div(x: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    quotient = torch.div(x, other)
    return quotient if rounding_mode is None else quotient.floor() if rounding_mode == "floor" else quotient.trunc()


def _scatter(x: Tensor, axis: int, index: Tensor, source: Any, *, reduce: str | None = None) -> Tensor:
    if reduce is not None:
        raise UseError("Scattering with sums has no exact form here. Use a model without it.")
    return torch.scatter(x, axis, index, source)


def _round(x: Tensor, *, decimals: int = 0) -> Tensor:
    return x.round() if decimals == 0 else (x * 10.0**decimals).round() / 10.0**decimals


def _linspace(start: float, end: float, steps: int, **kind: Any) -> Tensor:
    """Each number by itself; PyTorch's depend on how many the processor makes at once."""
    return torch.arange(steps, **kind) / max(1, steps - 1) * (end - start) + start


def _addcmul(added: Tensor, one: Tensor, other: Tensor, *, value: float = 1) -> Tensor:
    return added + value * (one * other)


def _addcdiv(added: Tensor, one: Tensor, other: Tensor, *, value: float = 1) -> Tensor:
    return added + value * (one / other)


def _lerp(start: Tensor, end: Tensor, weight: Any) -> Tensor:
    return start + weight * (end - start)


_COUNTERPARTS: dict[Any, Callable[..., Any]] = {
    aten.mm: _mm,
    aten.bmm: _bmm,
    aten.addmm: _addmm,
    aten.baddbmm: _baddbmm,
    aten.convolution: _convolution,
    aten.sum: _sum,
    aten.mean: _mean,
    aten.cumsum: _cumsum,
    aten.exp: functions.exp,
    aten.expm1: functions.expm1,
    aten.log: functions.log,
    aten.log1p: functions.log1p,
    aten.asinh: functions.asinh,
    aten.sinh: functions.sinh,
    aten.sigmoid: tables.sigmoid,
    aten.tanh: tables.tanh,
    aten.sigmoid_: lambda x: x.copy_(tables.sigmoid(x)),
    aten.tanh_: lambda x: x.copy_(tables.tanh(x)),
    aten.logit: _logit,
    aten.erf: functions.erf,
    aten.special_ndtr: tables.normal_cdf,
    aten.softplus: _softplus,
    aten.silu: tables.silu,
    aten.gelu: _gelu,
    aten.elu: _elu,
    aten.log_sigmoid_forward: lambda x: (-tables.softplus(-x), x),
    aten.rsqrt: lambda x: 1 / functions.sqrt(x),
    aten.sqrt: functions.sqrt,
    aten.sqrt_: lambda x: x.copy_(functions.sqrt(x)),
    aten.pow: _pow,
    aten.square: lambda x: x * x,
    aten._softmax: _softmax,
    aten._log_softmax: _log_softmax,
    aten.logsumexp: _logsumexp,
    aten._safe_softmax: _softmax,
    aten.native_layer_norm: _layer_norm,
    aten.native_group_norm: _group_norm,
    aten.native_batch_norm: _batch_norm,
    aten._native_batch_norm_legit_no_training: _batch_norm,
    aten.avg_pool2d: _average,
    aten.add: lambda x, other, *, alpha=1: torch.add(x, _times(other, alpha)),
    aten.sub: lambda x, other, *, alpha=1: torch.sub(x, _times(other, alpha)),
    aten.add_: lambda x, other, *, alpha=1: x.add_(_times(other, alpha)),
    aten.sub_: lambda x, other, *, alpha=1: x.sub_(_times(other, alpha)),
    aten.rsub: lambda x, other, alpha=1: torch.sub(other, _times(x, alpha)),
    aten.div: _div,
    aten.div_: lambda x, other: x.div_(other),
    aten.round: _round,
    aten.round_: lambda x: x.round_(),
    aten.linspace: _linspace,
    aten.scatter: _scatter,
    aten._scaled_dot_product_flash_attention_for_cpu: _fast_attention,
    aten._scaled_dot_product_attention_math: _plain_attention,
    aten.addcmul: _addcmul,
    aten.addcdiv: _addcdiv,
    aten.lerp: _lerp,
    aten.dropout: lambda x, *_: x,
}

_CREATED = {aten.linspace}
"""Operations that make numbers from none, but not by the same operations everywhere."""
