"""How products are computed: float32 by the library that is faster and as exact, bfloat16 where it can be trusted."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

EXACT = 1e-5
"""Largest relative error of a float32 product that still counts as float32."""


@contextlib.contextmanager
def fast_products(device: torch.device) -> Iterator[None]:
    """Within the block, float32 products on an AMD processor with AVX-512 go through oneDNN instead of MKL.

    MKL runs there at less than half of oneDNN's speed (170–200 against 450–470 GFLOP/s on two cores); with AVX2 alone,
    MKL is the faster one. The choice rests on the processor, not on a timing, so that the same run always gives the
    same bits. PyTorch's setting is called "medium" precision and may mean bfloat16 on some processors: there the
    product is found inexact, and everything stays as it was.
    """
    if device.type != "cpu" or not _amd_with_avx512():
        yield
        return
    with _precision("medium"):
        exact = _relative_error() <= EXACT
        if exact:
            yield
    if not exact:
        yield


@contextlib.contextmanager
def bfloat16_products(device: torch.device, *, traced: bool = False) -> Iterator[None]:
    """Within the block, products are made in bfloat16; on a CPU narrow convolutions and attention stay float32.

    oneDNN's bfloat16 kernels (as of PyTorch 2.13) read memory that nobody has written where a kernel is wider than the
    map, or a strided one leaves a map one wide: results or gradients are then those of whatever lay there, NaN at
    times. Such maps are small, so that float32 costs nothing there. Attention stays float32 there, too: its gradient
    in bfloat16 takes ten times as long.

    traced: whether the block is traced for a compiler. Autocast there transposes a weight before it rounds it, and the
    compiler then transposes each of its gradients twice (a third of the step of 784-1000-500-250-30). So linear layers
    round theirs themselves, to the same bits.
    """
    exceptions = _OnCpu(traced) if device.type == "cpu" else contextlib.nullcontext()
    with torch.autocast(device.type, torch.bfloat16), exceptions:
        yield


class _OnCpu(TorchFunctionMode):
    """Makes attention in float32, and convolutions of narrow maps again (see `bfloat16_products`)."""

    def __init__(self, traced: bool) -> None:
        super().__init__()
        self.traced = traced

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if func is functional.scaled_dot_product_attention:
            return _in_float32(func, args, named)
        if self.traced and func is functional.linear:
            return func(*map(_rounded, args), **{name: _rounded(value) for name, value in named.items()})
        made = func(*args, **named)
        if func not in CONVOLUTIONS:
            return made
        given, weight = (args[place] if place < len(args) else named[name] for place, name in enumerate(_OPERANDS))
        return _in_float32(func, args, named) if _is_narrow(given, weight, made) else made


CONVOLUTIONS = (
    functional.conv1d,
    functional.conv2d,
    functional.conv3d,
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
_OPERANDS = ("input", "weight")


def _is_narrow(given: Tensor, weight: Tensor, made: Tensor) -> bool:
    """Whether some axis is one long before or after, or shorter than the kernel on its longer side."""
    kernel = weight.shape[2:]
    axes = zip(given.shape[-len(kernel) :], made.shape[-len(kernel) :], kernel, strict=True)
    return any(min(before, after) <= 1 or max(before, after) < wide for before, after, wide in axes)


def _in_float32(func: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    with torch.autocast("cpu", enabled=False):
        return func(*map(_float, args), **{name: _float(value) for name, value in named.items()})


def _rounded(value: Any) -> Any:
    return value.bfloat16() if isinstance(value, Tensor) and value.dtype == torch.float32 else value


def _float(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value


@contextlib.contextmanager
def _precision(name: str) -> Iterator[None]:
    """Within the block PyTorch's precision of float32 products; setting it asks each library for another too."""
    before = torch.get_float32_matmul_precision()
    libraries = (torch.backends.mkldnn.matmul, torch.backends.cuda.matmul)  # pyright: ignore[reportAttributeAccessIssue]
    asked = [library.fp32_precision for library in libraries]
    try:
        torch.set_float32_matmul_precision(name)
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        for library, own in zip(libraries, asked, strict=True):
            library.fp32_precision = own


def _relative_error() -> float:
    """Of a float32 product of the kind that networks make, against float64."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, 256, generator=generator) for _ in range(2))
    exact = a.double() @ b.double()
    return float((a @ b - exact).norm() / exact.norm())


@cache
def _amd_with_avx512() -> bool:
    processor = torch.cpu.get_capabilities()
    return "AMD" in str(processor.get("cpu_name")) and bool(processor.get("avx512_f"))


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16; without them, bfloat16 is many times slower than float32."""
    if device.type != "cpu":
        return True
    processor = torch.cpu.get_capabilities()
    known = ("avx512_bf16", "amx_bf16", "bf16")  # the last one is ARM's
    return any(processor.get(name) for name in known)
