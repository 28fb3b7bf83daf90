"""Functions from tables: near the computed ones, and bounded where these are."""

import numpy as np
import pytest
import torch
from scipy import special

from isthmus.exact import tables

TRUE = {
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(0, x),
    "silu": lambda x: x * special.expit(x),
    "gelu": lambda x: x * special.ndtr(x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "normal_cdf": special.ndtr,
}


@pytest.mark.parametrize("name", TRUE)
def test_the_error_is_as_documented_inside_and_outside_of_the_table(name: str) -> None:
    x = np.concatenate([np.linspace(-40, 40, 50_001), [0, -32, 32, 31.9999, 1e3, -1e3, 1e8, -1e8]])
    made = getattr(tables, name)(torch.from_numpy(x)).numpy()
    assert (np.abs(made - TRUE[name](x)) < 4e-6 + 1e-12 * np.abs(x)).all()


@pytest.mark.parametrize("name", TRUE)
def test_far_outside_the_values_are_those_of_the_asymptotes(name: str) -> None:
    far = torch.tensor([-1e300, 1e300], dtype=torch.float64)
    low, high = getattr(tables, name)(far).tolist()
    assert low == pytest.approx({"tanh": -1, "elu": -1}.get(name, 0), abs=1e-10)
    assert high == pytest.approx(1 if name in ("sigmoid", "tanh", "normal_cdf") else 1e300)


@pytest.mark.parametrize("name", TRUE)
def test_nan_stays_nan(name: str) -> None:
    assert getattr(tables, name)(torch.tensor([torch.nan, 0.5]).double()).isnan().tolist() == [True, False]
