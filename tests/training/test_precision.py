"""How products are computed is chosen by the processor, checked, and set back."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.nn import functional

from isthmus.training import precision
from isthmus.training.precision import bfloat16_products, fast_products

CPU = torch.device("cpu")


@pytest.mark.parametrize("amd", [True, False])
def test_setting_is_put_back(monkeypatch: pytest.MonkeyPatch, amd: bool) -> None:
    monkeypatch.setattr(precision, "_amd_with_avx512", lambda: amd)
    monkeypatch.setattr(precision, "_relative_error", lambda: 0.0)  # what "medium" means hangs on the processor
    before = _asked()
    with fast_products(CPU):
        assert torch.get_float32_matmul_precision() == ("medium" if amd else before[0])
    assert _asked() == before


def test_inexact_products_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_amd_with_avx512", lambda: True)
    monkeypatch.setattr(precision, "_relative_error", lambda: 1e-3)
    before = _asked()
    with fast_products(CPU):
        assert _asked() == before
    assert _asked() == before


def test_setting_is_put_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_amd_with_avx512", lambda: True)
    monkeypatch.setattr(precision, "_relative_error", lambda: 0.0)
    before = _asked()
    with pytest.raises(KeyError), fast_products(CPU):
        raise KeyError
    assert _asked() == before


def test_error_of_plain_float32_is_float32s() -> None:
    assert precision._relative_error() < precision.EXACT


def _asked() -> tuple[str, ...]:
    """What is asked of each library that multiplies."""
    backends: Any = torch.backends
    libraries = (backends.mkldnn.matmul, backends.mkldnn.conv, backends.cuda.matmul)
    return torch.get_float32_matmul_precision(), *(library.fp32_precision for library in libraries)


NARROW = {
    "a strided kernel leaves one column": ((14, 4), 3, {"stride": 2}, False),
    "a kernel is longer than the map": ((1, 4), 5, {"padding": 2}, False),
    "a strided series ends in one step": ((2,), 3, {"stride": 2, "padding": 1}, False),
    "one column is doubled": ((7, 1), 3, {"stride": 2, "padding": 1, "output_padding": 1}, True),
}


@pytest.mark.parametrize("case", NARROW)
def test_narrow_convolutions_stay_float32_within_bfloat16(case: str) -> None:
    sizes, wide, how, transposed = NARROW[case]
    convolve = {
        (1, False): functional.conv1d,
        (2, False): functional.conv2d,
        (2, True): functional.conv_transpose2d,
    }[len(sizes), transposed]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 16, *sizes, generator=generator, requires_grad=True)
    weight = torch.randn(16, 16, *[wide] * len(sizes), generator=generator, requires_grad=True)
    for _ in _dirty_memory():
        with bfloat16_products(CPU):
            made = convolve(x, weight, **how)
            named = convolve(input=x, weight=weight, **how)
        assert made.dtype == named.dtype == torch.float32
        exact = convolve(x, weight, **how)
        assert torch.equal(made, exact)
        gradients, wanted = (torch.autograd.grad(y.square().sum(), (x, weight)) for y in (made, exact))
        assert all(torch.equal(own, other) for own, other in zip(gradients, wanted, strict=True))


def test_wide_convolutions_and_products_are_bfloat16() -> None:
    x, weight = torch.rand(2, 3, 8, 8), torch.rand(4, 3, 3, 3)
    with bfloat16_products(CPU):
        assert functional.conv2d(x, weight, padding=1).dtype == torch.bfloat16
        assert functional.linear(x, weight[0, 0].new_ones(5, 8)).dtype == torch.bfloat16


def _dirty_memory() -> Iterator[None]:
    """NaN in memory that is free again: what reads it unwritten shows it."""
    for _ in range(3):
        junk = [torch.full((count,), torch.nan) for count in (100, 1000, 5000, 20000, 100000)]
        del junk
        yield


def test_attention_stays_float32_on_a_cpu() -> None:
    queries, keys, values = torch.randn(3, 2, 1, 5, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    with bfloat16_products(CPU):
        made = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=torch.ones(5, 5).bool())
    assert made.dtype == torch.float32
