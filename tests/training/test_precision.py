"""The library of float32 products is chosen by the processor, checked, and set back."""

import pytest
import torch

from isthmus.training import precision
from isthmus.training.precision import fast_products

CPU = torch.device("cpu")


@pytest.mark.parametrize("amd", [True, False])
def test_setting_is_put_back(monkeypatch: pytest.MonkeyPatch, amd: bool) -> None:
    monkeypatch.setattr(precision, "_amd_with_avx512", lambda: amd)
    before = torch.get_float32_matmul_precision()
    with fast_products(CPU):
        assert torch.get_float32_matmul_precision() == ("medium" if amd else before)
    assert torch.get_float32_matmul_precision() == before


def test_inexact_products_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_amd_with_avx512", lambda: True)
    monkeypatch.setattr(precision, "_relative_error", lambda: 1e-3)
    before = torch.get_float32_matmul_precision()
    with fast_products(CPU):
        assert torch.get_float32_matmul_precision() == before


def test_error_of_plain_float32_is_float32s() -> None:
    assert precision._relative_error() < precision.EXACT
