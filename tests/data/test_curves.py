"""Curves: the inverse is exact, the order stays, and only columns with heavy tails get one."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import isthmus as ist
from isthmus.data import Samples, Scaling
from isthmus.data.curves import Curve, bend, curve_of, kurtosis, unbend
from isthmus.errors import DataError, Remark
from isthmus.exact import exactly
from isthmus.model.store import check_scaling

CENTRES, UNITS = st.floats(-1e6, 1e6, width=32), st.floats(2**-10, 1e6, width=32)
RANDOM = np.random.default_rng(0)
SKEWED = np.exp(1.5 * RANDOM.normal(size=1000))
BOTH_SIDES = RANDOM.standard_t(1.5, size=1000) + 50
NORMAL = RANDOM.normal(size=1000)
FRAME = pd.DataFrame({"income": SKEWED, "height": NORMAL, "change": BOTH_SIDES, "count": np.floor(20 * SKEWED)})


def scaled_frame(**options: Any) -> ist.Data:
    with pytest.warns(Remark, match="Heavy tails"):
        return ist.open_data(FRAME, **options)


def pair(centre: float, unit: float) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([centre], dtype=torch.float64), torch.tensor([unit], dtype=torch.float64)


@given(st.floats(-1e9, 1e9), CENTRES, UNITS)
def test_the_inverse_gives_the_raw_value_again(value, centre, unit):
    curve = pair(centre, unit)
    made = float(unbend(bend(torch.tensor([value], dtype=torch.float64), *curve), *curve))
    assert made == pytest.approx(value, rel=1e-12, abs=1e-12 * (abs(centre) + unit))


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), CENTRES, UNITS)
def test_a_larger_value_stays_larger(one, other, centre, unit):
    assume(abs(one - other) > 1e-3)
    low, high = bend(torch.tensor(sorted([one, other]), dtype=torch.float64), *pair(centre, unit))
    assert low < high


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), CENTRES, UNITS)
def test_every_finite_value_stays_finite_both_ways(value, centre, unit):
    curve = Curve(torch.tensor([centre]), torch.tensor([unit]))
    x = torch.tensor([[value]])
    assert curve(x).isfinite().all()
    assert curve.inverse(x).isfinite().all()


def test_columns_without_a_unit_and_missing_values_stay_as_they_are():
    curve = Curve(torch.tensor([0.0, 5.0]), torch.tensor([0.0, 2.0]))
    x = torch.tensor([[1e30, math.nan], [-3.0, 5.0]])
    assert torch.equal(curve(x).nan_to_num(9), torch.tensor([[1e30, 9.0], [-3.0, 0.0]]))
    assert torch.equal(curve.inverse(x)[:, 0], x[:, 0])


def test_the_logarithm_of_the_slope_is_that_of_a_finite_difference():
    curve = Curve(torch.tensor([0.0, 3.0, 0.0]), torch.tensor([0.5, 20.0, 0.0]))
    x, step = torch.tensor([[0.1, -40.0, 2.0], [900.0, 3.0, 7.0]], dtype=torch.float64), 1e-5
    slope = (curve(x + step) - curve(x - step)) / (2 * step)
    assert torch.allclose(curve.log_slope(x), slope.log(), atol=1e-6)


def test_exact_arithmetic_gives_the_same_curve():
    x, curve = torch.linspace(-1e6, 1e6, 999, dtype=torch.float64), pair(3.0, 0.7)
    with exactly():
        bent = bend(x, *curve)
        back = unbend(bent, *curve)
    assert torch.allclose(bent, bend(x, *curve), rtol=1e-10, atol=1e-10)
    assert torch.allclose(back, x, rtol=1e-9)


def test_kurtosis_of_known_distributions():
    values = np.stack([RANDOM.normal(size=200_000), RANDOM.exponential(size=200_000), np.ones(200_000)], 1)
    values[::7, 0] = np.nan
    assert kurtosis(values) == pytest.approx([0, 6, -3], abs=0.5)
    assert kurtosis(1e150 * values)[1] == pytest.approx(kurtosis(values)[1])


def test_a_column_that_is_never_negative_is_bent_from_zero_and_one_with_two_tails_from_its_median():
    centre, unit = curve_of(SKEWED) or (math.nan, math.nan)
    assert (centre, unit) == (0, pytest.approx(4 * np.median(SKEWED)))
    centre, unit = curve_of(BOTH_SIDES) or (math.nan, math.nan)
    assert centre == pytest.approx(np.median(BOTH_SIDES))
    assert unit > 0


OUTLIERS = np.where(np.arange(1000) % 200 == 0, 40 * NORMAL, NORMAL)


@pytest.mark.parametrize(
    "values",
    [NORMAL, RANDOM.exponential(size=1000), OUTLIERS, SKEWED.round().clip(0, 8), np.full(1000, np.nan)],
    ids=["normal", "exponential", "a few outliers", "few values", "no values"],
)
def test_other_columns_get_no_curve(values):
    assert curve_of(values) is None


def test_scaling_bends_the_columns_with_heavy_tails_and_names_them():
    with pytest.warns(Remark, match=r"'income', 'change', 'count'.*scaling='standardise'"):
        data = ist.open_data(FRAME)
    curve, raw = data.scaling.curve, data.train.tensor()
    assert curve is not None
    assert (curve.unit > 0).tolist() == [True, False, True, True]
    scaled = data.scaling(raw)
    assert scaled.double().mean(0).abs().max() < 1e-4
    assert (scaled.double().std(0, correction=0) - 1).abs().max() < 1e-4
    assert torch.allclose(data.scaling.inverse(scaled), raw, rtol=1e-5, atol=1e-4)
    assert scaled.abs().max() < 10


@pytest.mark.parametrize("scaling", ["standardise", "minmax"])
def test_a_chosen_scaling_bends_nothing(scaling):
    assert ist.open_data(FRAME, scaling=scaling).scaling.curve is None


def test_dates_and_arrays_without_a_schema_are_never_bent():
    when = pd.Timestamp("2000-01-01") + pd.to_timedelta(1e4 * SKEWED, unit="s")
    data = ist.open_data(pd.DataFrame({"when": when, "height": NORMAL}))
    assert data.scaling.curve is None
    assert ist.open_data(FRAME.to_numpy(np.float32)).scaling.curve is None


def test_values_in_float64_are_bent_in_float64():
    frame = FRAME.assign(stamp=1.7e9 + NORMAL)
    with pytest.warns(Remark, match="Heavy tails"):
        data = ist.open_data(frame)
    assert data.scaling.precise
    raw = data.train.tensor()
    back = data.scaling.inverse(data.scaling(raw))
    assert back.dtype == torch.float64
    assert torch.allclose(back[:, -1], raw[:, -1], rtol=0, atol=1e-5)
    assert torch.allclose(back[:, :-1], raw[:, :-1], rtol=1e-5, atol=1e-4)


def test_a_curve_is_restored_exactly_from_json():
    scaling = scaled_frame().scaling
    again = Scaling.from_json(json.loads(json.dumps(scaling.to_json())))
    raw = torch.tensor(FRAME.to_numpy(np.float32))
    assert torch.equal(again(raw), scaling(raw))
    assert again.to_json() == scaling.to_json()
    assert "curve" not in Scaling("standardise", 1.0, 2.0).to_json()


@pytest.mark.parametrize(
    "curve", [{"centre": [0.0]}, {"centre": [0.0], "unit": [-1.0]}, {"centre": [0.0, 1.0], "unit": [1.0]}, [1]]
)
def test_a_damaged_curve_is_refused(curve):
    said = Scaling("standardise", torch.zeros(1), torch.ones(1)).to_json() | {"curve": curve}
    with pytest.raises(DataError, match="does not describe a scaling"):
        Scaling.from_json(said)


def test_curves_of_another_number_of_columns_are_refused():
    scaling = Scaling("standardise", curve=Curve(torch.zeros(2), torch.ones(2)))
    check_scaling(scaling, (2,))
    with pytest.raises(ValueError, match="2 curves"):
        check_scaling(scaling, (3,))


def test_a_trained_model_reconstructs_in_raw_units_and_is_loaded_with_its_curve(tmp_path):
    data = scaled_frame(seed=1)
    model = ist.recipe("deep", code=2, widths=(8,)).build(data, remarks=False)
    run = ist.fit(model, data, epochs=1, progress=False, compile=False, out=tmp_path / "run")
    again = ist.load(tmp_path / "run")
    raw = torch.tensor(FRAME.to_numpy(np.float32)[:20])
    assert torch.equal(run.reconstruct(raw), again.reconstruct(raw))
    assert again.model.scaling.curve is not None
    assert isinstance(data.train, Samples)


@pytest.mark.parametrize("name", ["deep", "table-vae"])
@pytest.mark.filterwarnings("ignore::isthmus.errors.Remark")
def test_tables_with_curves_are_compressed_without_loss(name, tmp_path):
    frame = FRAME.assign(income=SKEWED.round(2), change=BOTH_SIDES.round(1), height=NORMAL.round(3))[:300]
    data = ist.open_data(frame)
    assert data.scaling.curve is not None
    run = ist.fit(
        ist.recipe(name, code=2, widths=(16,)).build(data, remarks=False), data, epochs=2, progress=False, compile=False
    )
    made = ist.compress(run, frame, tmp_path / "a.isth")
    assert made.bytes < made.plain
    assert np.array_equal(
        ist.decompress(tmp_path / "a.isth", run=run).tensor().numpy(), frame.to_numpy().astype(np.float32)
    )
