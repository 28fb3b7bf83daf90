"""Which library multiplies float32 matrices: chosen where it is faster and as exact, and set back afterwards."""

import contextlib
from collections.abc import Iterator
from functools import cache

import torch

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
    before = torch.get_float32_matmul_precision()
    try:
        if device.type == "cpu" and _amd_with_avx512():
            torch.set_float32_matmul_precision("medium")
            if _relative_error() > EXACT:
                torch.set_float32_matmul_precision(before)
        yield
    finally:
        torch.set_float32_matmul_precision(before)


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
