import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.data import Samples, Scaling
from isthmus.errors import DataError, Remark

TABLES = arrays(np.float32, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=st.floats(-1e4, 1e4, width=32))


def test_pictures_of_bytes_are_divided_by_255(pictures):
    scaling = Scaling.learn("auto", Samples(torch.from_numpy(pictures), kind="pictures"))
    assert scaling.kind == "bytes"
    assert scaling.range == (0, 1)
    assert torch.equal(scaling(torch.tensor([0, 51, 255], dtype=torch.uint8)), torch.tensor([0, 51 / 255, 1]))


def test_floats_in_unit_range_are_left_alone():
    scaling = Scaling.learn("auto", Samples(torch.rand(9, 1, 4, 4), kind="pictures"))
    assert (scaling.kind, scaling.range) == ("none", (0, 1))


def test_tables_with_names_are_standardised_even_in_unit_range():
    assert Scaling.learn("auto", Samples(torch.rand(9, 2), columns=("a", "b"))).kind == "standardise"


def test_pictures_of_larger_floats_are_brought_to_unit_range_by_one_number():
    values = torch.rand(9, 3, 4, 4) * 300 - 20
    scaling = Scaling.learn("auto", Samples(values, kind="pictures"))
    assert (scaling.kind, scaling.range, scaling.scale.shape) == ("minmax", (0, 1), ())
    assert scaling(values).min() == 0
    assert scaling(values).max() == 1


def test_standardised_columns_have_mean_zero_and_deviation_one(table):
    raw = torch.from_numpy(table * [1, 10, 0.1, 3] + [5, -7, 0, 1000]).float()
    scaled = Scaling.learn("standardise", Samples(raw))(raw).double()
    assert scaled.mean(0).abs().max() < 1e-4
    assert (scaled.std(0, correction=0) - 1).abs().max() < 1e-4


def test_the_root_mean_square_is_one_number_of_a_table_and_one_a_channel_of_series():
    raw = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 10, 0]) + 2
    scaling = Scaling.learn("rms", Samples(raw))
    torch.testing.assert_close(scaling(raw), raw / raw.square().mean().sqrt())
    series = raw.T.reshape(5, 2, 15)
    layers = Scaling.learn("rms", Samples(series, kind="series"))
    torch.testing.assert_close(layers(series).square().mean((0, 2)), torch.ones(2))


def test_streamed_statistics_equal_those_of_the_whole():
    values = np.random.default_rng(0).normal(1e3, 1, (10_000, 3)).astype(np.float32)
    scaling = Scaling.learn("standardise", Samples(torch.from_numpy(values)))
    whole = values.astype(np.float64)
    assert np.allclose(scaling.shift.numpy(), whole.mean(0), rtol=1e-7)
    assert np.allclose(scaling.scale.numpy(), whole.std(0), rtol=1e-6)


def test_constant_column_is_named_and_keeps_scale_one():
    values = torch.tensor([[1.0, 0.1], [2.0, 0.1], [3.0, 0.1]])
    with pytest.warns(Remark, match="column 'still'"):
        scaling = Scaling.learn("standardise", Samples(values, columns=("moves", "still")))
    assert scaling.scale[1] == 1
    assert scaling(values)[:, 1].abs().max() == 0


def test_constant_pictures_are_remarked_on():
    with pytest.warns(Remark, match="nothing to learn"):
        Scaling.learn("minmax", Samples(torch.full((3, 1, 2, 2), 7.0), kind="pictures"))


def test_unknown_scaling_offers_the_nearest():
    with pytest.raises(DataError, match="'standardise'"):
        Scaling.learn("standardize", Samples(torch.zeros(3, 2)))


def test_bytes_are_refused_for_values_that_are_none():
    with pytest.raises(DataError, match="minmax"):
        Scaling.learn("bytes", Samples(torch.tensor([[-1.0], [300.0]])))


def test_scaling_of_no_samples_is_refused():
    with pytest.raises(DataError, match="There are no samples"):
        Scaling.learn("auto", Samples(torch.zeros(0, 2)))


@pytest.mark.filterwarnings("ignore::isthmus.errors.Remark")
@given(TABLES, st.sampled_from(["standardise", "minmax", "rms", "none"]))
def test_inverse_brings_raw_values_back(values, kind):
    raw = torch.from_numpy(values)
    scaling = Scaling.learn(kind, Samples(raw))
    error = (scaling.inverse(scaling(raw)) - raw).abs().max()
    assert error <= 1e-6 * max(1, raw.abs().max())


@pytest.mark.filterwarnings("ignore::isthmus.errors.Remark")
@given(TABLES, st.sampled_from(["standardise", "minmax", "rms", "none"]))
def test_scaling_comes_back_from_json_exactly(values, kind):
    scaling = Scaling.learn(kind, Samples(torch.from_numpy(values)))
    back = Scaling.from_json(json.loads(json.dumps(scaling.to_json(), allow_nan=False)))
    assert (back.kind, back.range) == (scaling.kind, scaling.range)
    assert torch.equal(back.shift, scaling.shift)
    assert torch.equal(back.scale, scaling.scale)


@pytest.mark.parametrize("damaged", [{}, {"kind": "none"}, {"kind": "x", "range": None, "shift": 0, "scale": 1}])
def test_damaged_json_is_refused(damaged):
    with pytest.raises(DataError, match="does not describe a scaling"):
        Scaling.from_json(damaged)


def test_scaling_is_not_in_the_state_dict():
    assert Scaling("bytes", 0.0, 255.0).state_dict() == {}


def test_float32_of_extreme_spread_still_has_a_finite_scale():
    scaling = Scaling.learn("standardise", Samples(torch.tensor([[1e-45], [0.0], [2e-45]])))
    assert torch.isfinite(scaling(torch.tensor([[1e-45]]))).all()


def test_what_is_missing_does_not_count():
    values = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 5
    values[torch.rand(50, 3, generator=torch.Generator().manual_seed(1)) < 0.3] = torch.nan
    for kind in ("standardise", "minmax"):
        scaled = Scaling.learn(kind, Samples(values))(values).numpy()
        middle, spread = (np.nanmean(scaled, 0), np.nanstd(scaled, 0)) if kind == "standardise" else (
            np.nanmin(scaled, 0), np.nanmax(scaled, 0)
        )  # fmt: skip
        assert np.allclose(middle, 0, atol=1e-6)
        assert np.allclose(spread, 1, atol=1e-6)


def test_series_are_scaled_channel_by_channel():
    values = torch.randn(40, 2, 9, generator=torch.Generator().manual_seed(0)) * torch.tensor([[1.0], [100.0]])
    values[:20, :, 6:] = torch.nan
    scaled = Scaling.learn("auto", Samples(values, kind="series"))(values).numpy()
    assert np.allclose(np.nanstd(scaled, (0, 2)), 1, atol=1e-5)


def test_a_constant_channel_is_numbered():
    values = torch.stack([torch.ones(5, 4), torch.arange(20.0).view(5, 4)], 1)
    with pytest.warns(Remark, match="channel 0"):
        Scaling.learn("standardise", Samples(values, kind="series"))
