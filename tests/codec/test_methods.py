"""Coding by code and residual: any model that decodes, without loss, or by the code alone."""

from typing import Any

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import IsthmusError

ANY: dict[str, dict[str, Any]] = {
    "deep": {"code": 6, "widths": (32,)},
    "conv": {"code": 4, "channels": (4, 8)},
    "pca": {"code": 8},
    "k-sparse": {"code": 24},
    "vq": {"code": 6},
    "rvq": {"code": 6},
    "fsq": {"code": 8},
    "vq2": {"channels": (4, 8), "code_channels": 4},
    "lfq": {"code": 16},
    "gumbel": {"code": 32},
}


def _mean_error(made: Any, digits: np.ndarray) -> float:
    return float(((made.tensor().numpy()[:, 0].astype(float) - digits) ** 2).mean())


@pytest.mark.parametrize("name", ANY)
def test_any_model_codes_without_loss_and_by_its_code_alone(trained, digits: np.ndarray, tmp_path, name: str) -> None:
    run, some = trained(name, digits, **ANY[name]), digits[:150]
    whole = ist.compress(run, some, tmp_path / "a.isth")
    assert (whole.method, whole.elbo) == ("residual", None)
    assert np.array_equal(ist.decompress(tmp_path / "a.isth", run=run).tensor().numpy()[:, 0], some)
    less = ist.compress(run, some, tmp_path / "b.isth", quality=50)
    assert less.method == "code"
    assert less.bytes < whole.bytes
    plain = run.reconstruct(some)
    bound = 2.2 if ist.recipe(name).code.bits((1,)) is None else 1.01
    made = _mean_error(ist.decompress(tmp_path / "b.isth", run=run), some)
    assert made < bound * float(((plain.numpy()[:, 0] - some) ** 2).mean()) + 1


def test_higher_quality_costs_bytes_and_loses_less(deep: ist.Run, digits: np.ndarray, tmp_path) -> None:
    sizes, errors = [], []
    for quality in (0, 30, 60, 90):
        path = tmp_path / f"{quality}.isth"
        sizes.append(ist.compress(deep, digits[:600], path, quality=quality).bytes)
        errors.append(_mean_error(ist.decompress(path, run=deep), digits[:600]))
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("bits", [0.1, 0.4])
def test_the_asked_rate_is_about_met(deep: ist.Run, digits: np.ndarray, tmp_path, bits: float) -> None:
    made = ist.compress(deep, np.concatenate([digits, digits]), tmp_path / "a.isth", bits_per_pixel=bits)
    assert made.bits_per_dimension == pytest.approx(bits, rel=0.15)


@pytest.mark.parametrize("error", [0.5, 1, 7, 300])
def test_no_byte_is_off_by_more_than_allowed(deep: ist.Run, digits: np.ndarray, tmp_path, error: float) -> None:
    ist.compress(deep, digits[:200], tmp_path / "a.isth", max_error=error)
    made = ist.decompress(tmp_path / "a.isth", run=deep).tensor().numpy()[:, 0]
    assert np.abs(made.astype(int) - digits[:200]).max() <= error


@pytest.mark.parametrize("error", [0.01, 0.3])
def test_no_real_number_is_off_by_more_than_allowed(trained, tmp_path, error: float) -> None:
    values = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32) * [1, 10, 100, 0.5]
    values = values.astype(np.float32)
    run = trained("pca", values, code=2)
    values[5, 1] = 12345.678
    fine = ist.compress(run, values, tmp_path / "a.isth", max_error=error)
    made = ist.decompress(tmp_path / "a.isth", run=run).tensor()
    assert float((made.double() - torch.from_numpy(values).double()).abs().max()) <= error
    assert fine.bytes < 4 * values.size
    with pytest.raises(IsthmusError, match="max_error"):
        ist.compress(run, values, tmp_path / "b.isth")
    assert not (tmp_path / "b.isth").exists()
