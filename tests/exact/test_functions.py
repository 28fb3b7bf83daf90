"""Elementary functions of correctly rounded operations: near the true values, and the same bits in any pieces."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from torch import Tensor

from isthmus.exact import functions

ABSOLUTE = {
    "log": np.log,
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(0, x),
    "normal_cdf": special.ndtr,
    "erf": special.erf,
}
"""Functions with a bounded absolute error, and their references."""
RELATIVE = {
    "exp": np.exp,
    "sigmoid": special.expit,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "asinh": np.arcsinh,
    "sinh": np.sinh,
}
"""Functions with a bounded relative error."""
RISING = ("exp", "sigmoid", "expm1", "asinh", "sinh", "tanh", "softplus", "normal_cdf", "erf")
INF, NAN = math.inf, math.nan


def _numbers(name: str) -> Tensor:
    """Arguments of every size that the function is defined for."""
    wide = np.concatenate(
        [10.0 ** np.linspace(-300, 2.8, 3000), np.linspace(0, 40, 3001), 1 + np.linspace(-0.9, 1, 999)]
    )
    wide = {"log": wide[wide > 0], "log1p": np.concatenate([wide, -wide[wide < 0.999]])}.get(
        name, np.concatenate([wide, -wide])
    )
    return torch.from_numpy(wide[np.abs(wide) < 690])


@pytest.mark.parametrize("name", ABSOLUTE)
def test_the_absolute_error_is_as_documented(name: str) -> None:
    x = _numbers(name)
    wanted = torch.from_numpy(ABSOLUTE[name](x.numpy()))
    assert float((getattr(functions, name)(x) - wanted).abs().max()) < 1e-11


@pytest.mark.parametrize("name", RELATIVE)
def test_the_relative_error_is_as_documented(name: str) -> None:
    x = _numbers(name)
    wanted = torch.from_numpy(RELATIVE[name](x.numpy()))
    missed = (getattr(functions, name)(x) - wanted).abs() / wanted.abs().clamp(min=1e-300)
    assert float(missed[wanted.abs() > 1e-290].max()) < 1e-11
    assert bool((missed[wanted.abs() <= 1e-290] < 1).all())


@pytest.mark.parametrize(
    ("name", "at", "wanted"),
    [
        ("exp", 0.0, 1.0),
        ("exp", -INF, math.exp(-700)),
        ("log", 0.0, -INF),
        ("log", -1.0, NAN),
        ("log", 1.0, 0.0),
        ("log", INF, INF),
        ("log", 5e-324, math.log(5e-324)),
        ("sigmoid", INF, 1.0),
        ("sigmoid", -INF, 0.0),
        ("sigmoid", 0.0, 0.5),
        ("tanh", INF, 1.0),
        ("tanh", -INF, -1.0),
        ("tanh", 1e300, 1.0),
        ("softplus", INF, INF),
        ("softplus", -INF, 0.0),
        ("softplus", 1e300, 1e300),
        ("expm1", -INF, -1.0),
        ("expm1", 0.0, 0.0),
        ("expm1", 1e-300, 1e-300),
        ("log1p", 0.0, 0.0),
        ("log1p", -1.0, -INF),
        ("log1p", -2.0, NAN),
        ("log1p", INF, INF),
        ("log1p", 1e-300, 1e-300),
        ("normal_cdf", 0.0, 0.5),
        ("normal_cdf", INF, 1.0),
        ("normal_cdf", -INF, 0.0),
        ("erf", 0.0, 0.0),
        ("erf", INF, 1.0),
        ("erf", -INF, -1.0),
    ],
)
def test_limits(name: str, at: float, wanted: float) -> None:
    assert getattr(functions, name)(torch.tensor([at], dtype=torch.float64)).item() == pytest.approx(
        wanted, abs=1e-11, nan_ok=True
    )


@pytest.mark.parametrize("name", [*ABSOLUTE, *RELATIVE])
def test_nan_stays_nan_next_to_numbers(name: str) -> None:
    made = getattr(functions, name)(torch.tensor([NAN, 0.5], dtype=torch.float64))
    assert made.isnan().tolist() == [True, False]


@pytest.mark.parametrize("name", [*ABSOLUTE, *RELATIVE])
def test_the_argument_stays_as_it_is_and_pieces_do_not_matter(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    x = torch.linspace(0.01, 3, 1000, dtype=torch.float64).view(10, 100).t()
    before = x.clone()
    whole = getattr(functions, name)(x)
    monkeypatch.setattr(functions, "_PIECE", 7)
    in_pieces = getattr(functions, name)(x)
    assert torch.equal(x, before)
    assert torch.equal(whole, in_pieces)
    assert whole.shape == in_pieces.shape == x.shape


@pytest.mark.parametrize("name", RISING)
@given(x=st.floats(-800, 800), step=st.floats(1e-9, 10))
def test_a_larger_argument_never_gives_clearly_less(name: str, x: float, step: float) -> None:
    low, high = getattr(functions, name)(torch.tensor([x, x + step], dtype=torch.float64)).tolist()
    assert low <= high + 1e-11 * max(1.0, abs(low))


@given(x=st.floats(min_value=1e-300, max_value=1e300))
def test_exp_inverts_log(x: float) -> None:
    assert functions.exp(functions.log(torch.tensor([x], dtype=torch.float64))).item() == pytest.approx(x, rel=1e-8)


@given(x=st.floats(allow_nan=False))
def test_probabilities_lie_between_0_and_1(x: float) -> None:
    at = torch.tensor([x], dtype=torch.float64)
    for made in (functions.sigmoid(at), functions.normal_cdf(at)):
        assert 0 <= made.item() <= 1
    assert -1 <= functions.tanh(at).item() <= 1


def test_square_roots_are_correctly_rounded() -> None:
    x = np.random.default_rng(0).random(2000) * 10.0 ** np.linspace(-300, 300, 2000)
    assert functions.sqrt(torch.from_numpy(x)).tolist() == [math.sqrt(one) for one in x]
    assert functions.sqrt(torch.tensor(-1.0).double()).isnan()
