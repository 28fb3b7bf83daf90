"""Elementary functions from +, −, ×, ÷ and √ alone.

IEEE 754 rounds these five operations correctly, so their results are the same bits on every processor. The exponential
of a mathematics library is not: it depends on the library, and on the processor's vector instructions. Each function
takes and returns float64, and every operation is a call of its own, so that no compiler fuses two of them.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""log 2 in two parts: multiples of the first by whole numbers below 2²⁰ are exact."""
_EXP = [1 / math.factorial(n) for n in range(10)]
_LOG = [2 / (2 * n + 1) for n in range(9)]
_PIECE = 2**15
"""Numbers that are computed together: some twenty operations each go through the cache, not through memory."""
_ABOVE = (
    3.52624965998911e-2,
    0.700383064443688,
    6.37396220353165,
    33.912866078383,
    112.079291497871,
    221.213596169931,
    220.206867912376,
)
_BELOW = (
    8.83883476483184e-2,
    1.75566716318264,
    16.064177579207,
    86.7807322029461,
    296.564248779674,
    637.333633378831,
    793.826512519948,
    440.413735824752,
)
_FARTHEST = 7.0
"""Beyond this many standard deviations the normal distribution's tail, 1e-12, counts as constant."""


def in_pieces(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function of each number of its first argument, a piece at a time."""

    @functools.wraps(function)
    def whole(x: Tensor, *more: Tensor) -> Tensor:
        if x.numel() <= _PIECE:
            return function(x, *more)
        made = torch.empty_like(x, memory_format=torch.contiguous_format)
        for piece, into in zip(x.reshape(-1).split(_PIECE), made.view(-1).split(_PIECE), strict=True):
            into.copy_(function(piece, *more))
        return made

    return whole


def sqrt(x: Tensor) -> Tensor:
    """The square root, correctly rounded; PyTorch's may come from a library that rounds otherwise (MKL)."""
    with np.errstate(invalid="ignore"):
        return torch.from_numpy(np.asarray(np.sqrt(x.numpy())))


@in_pieces
def exp(x: Tensor) -> Tensor:
    """The exponential: a power of two times a Taylor series on ±log(2)/2; relative error below 1e-11."""
    x = x.clamp(-700, 700)
    whole = (x * (1 / math.log(2))).round_()
    rest = (x - whole * _LN2_HIGH).sub_(whole * _LN2_LOW)
    return _polynomial(rest, _EXP[::-1]).mul_(_power_of_two(whole))


@in_pieces
def log(x: Tensor) -> Tensor:
    """The natural logarithm; -inf at 0, NaN below; absolute error below 1e-11."""
    mantissa, exponent = torch.frexp(x)
    low = mantissa < math.sqrt(0.5)
    mantissa = torch.where(low, 2 * mantissa, mantissa)
    exponent = (exponent - low.to(exponent.dtype)).to(x.dtype)
    ratio = (mantissa - 1) / (mantissa + 1)
    series = _polynomial(ratio * ratio, _LOG[::-1]).mul_(ratio)
    made = exponent * _LN2_HIGH + (series + exponent * _LN2_LOW)
    made = torch.where(x.isinf(), x, made)
    return made.masked_fill(x == 0, -math.inf).masked_fill((x < 0) | x.isnan(), math.nan)


@in_pieces
def sigmoid(x: Tensor) -> Tensor:
    """The logistic function, relative error below 1e-11, also far below 0."""
    tail = exp(-x.abs())
    return torch.where(x >= 0, 1.0, tail) / (1 + tail)


@in_pieces
def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent; absolute error below 1e-11."""
    tail = exp(-2 * x.abs())
    return torch.copysign((1 - tail) / (1 + tail), x)


@in_pieces
def softplus(x: Tensor) -> Tensor:
    """log(1 + eˣ); absolute error below 1e-11."""
    return x.clamp(min=0) + log(1 + exp(-x.abs()))


@in_pieces
def expm1(x: Tensor) -> Tensor:
    """eˣ - 1, accurate near 0: (eˣ - 1) x / log(eˣ), after Kahan."""
    whole = exp(x)
    logarithm = log(whole)
    made = (whole - 1) * torch.where(logarithm == 0, 1.0, x / logarithm)
    return torch.where((whole == 1) | (logarithm == 0), x, torch.where(x < -30, -1.0, made))


@in_pieces
def log1p(x: Tensor) -> Tensor:
    """log(1 + x), accurate near 0: log(u) x / (u - 1) with u = 1 + x, after Kahan."""
    whole = 1 + x
    return torch.where((whole == 1) | (x == math.inf), x, log(whole) * (x / torch.where(whole == 1, 1.0, whole - 1)))


@in_pieces
def asinh(x: Tensor) -> Tensor:
    """The inverse hyperbolic sine, accurate near 0; for magnitudes up to 1e150."""
    far = x.abs()
    return torch.copysign(log1p(far + far * far / (1 + sqrt(1 + far * far))), x)


@in_pieces
def sinh(x: Tensor) -> Tensor:
    """The hyperbolic sine, accurate near 0."""
    return (expm1(x) - expm1(-x)) / 2


@in_pieces
def normal_cdf(x: Tensor) -> Tensor:
    """The standard normal distribution's Φ(x); constant beyond ±7. Absolute error below 1e-11.

    Source: Hart, Computer approximations (1968), algorithm 5666, as given by West, Better approximations to cumulative
    normal functions, Wilmott Magazine (2005).
    """
    far = x.abs().clamp(max=_FARTHEST)
    tail = exp(-0.5 * (far * far)) * _polynomial(far, _ABOVE) / _polynomial(far, _BELOW)
    return torch.where(x > 0, 1 - tail, tail)


def erf(x: Tensor) -> Tensor:
    """The error function, 2 Φ(√2 x) - 1."""
    return 2 * normal_cdf(x * math.sqrt(2)) - 1


def _polynomial(x: Tensor, coefficients: "tuple[float, ...] | list[float]") -> Tensor:
    """Horner's rule, from the highest power; a multiplication and an addition are two calls, so never fused."""
    made = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        made.mul_(x).add_(coefficient)
    return made


def _power_of_two(exponent: Tensor) -> Tensor:
    """2 to whole numbers between -1022 and 1023, by their bits."""
    return ((exponent.to(torch.int64) + 1023) << 52).view(torch.float64)
