"""Values that float32 would round before their mean is subtracted stay float64, whatever source they come from."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data import Samples, Scaling, open_data, read_samples, stream_samples
from isthmus.data.precision import loses, may_lose
from isthmus.data.write import write_samples
from isthmus.errors import DataError, Remark

NOISE = np.random.default_rng(0).normal(size=2000)
COLUMNS = {
    "unix seconds": 1.7e9 + np.arange(2000.0),
    "Julian hours": 2_460_000.5 + np.arange(2000) / 24,
    "northing": 5.5e6 + 0.2 * NOISE,
    "far": 1e8 + NOISE,
}


def wide() -> np.ndarray:
    return np.column_stack([COLUMNS["unix seconds"], COLUMNS["far"], NOISE])


@pytest.mark.parametrize("name", COLUMNS)
def test_all_values_survive_and_the_deviation_is_theirs(name):
    data = open_data(np.column_stack([COLUMNS[name], NOISE]), validation=0, test=0)
    values = data.train.tensor()[:, 0]
    assert values.dtype == torch.float64
    assert np.array_equal(values.numpy(), COLUMNS[name])
    assert float(data.scaling.scale[0]) == pytest.approx(COLUMNS[name].std(), rel=1e-6)
    assert len(data.scaling(data.train.tensor())[:, 0].unique()) == len(np.unique(COLUMNS[name]))
    assert data.description["dtype"] == "float64"


@pytest.mark.parametrize(
    "values",
    [
        NOISE[:, None] * 1e6,
        np.arange(1990.0, 2020.0)[:, None],
        np.full((20, 1), 0.1),
        (0.1 + 0.2 + np.arange(20.0) * 0 + np.array([0, 1e-17] * 10))[:, None],
        0.3 + 2.0**-54 * np.array([0, 1] * 10)[:, None],
        np.column_stack([np.zeros(20), np.arange(20)]),
        np.full((20, 1), np.nan),
        np.array([[1e300], [1e300 + 1e284]]),
        (1.7e9 + np.arange(20.0))[:, None].astype(np.float32),
    ],
)
def test_other_values_become_float32_as_before(values):
    assert not loses(values, "table")


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint32, np.float64])
def test_long_integers_lose_as_floats_do(kind):
    assert loses((1_700_000_000 + np.arange(30))[:, None].astype(kind), "table")
    assert loses(torch.from_numpy((1_700_000_000 + np.arange(30))[:, None].astype(np.int64)), "table")


def test_a_rare_change_of_a_constant_is_found():
    values = np.full((20_000, 1), 1e8)
    values[7] += 1
    assert loses(values, "table")
    assert open_data(pd.DataFrame(values, columns=["a"])).train.dtype == "float64"


def test_a_part_of_a_column_without_spread_may_lose():
    rows = np.column_stack([np.full(9, 1.7e9 + 1), np.full(9, 3.0), np.arange(9.0), 1e8 + np.arange(9.0)])
    assert may_lose(rows).tolist() == [True, False, False, True]


def test_infinite_numbers_are_reported_as_before():
    values = wide()
    values[3, 2] = 1e200
    with pytest.raises(DataError, match="infinite"):
        open_data(values)


def test_rounding_errors_next_to_far_values_are_constant():
    values = np.column_stack([COLUMNS["far"], 0.3 + 2.0**-54 * (np.arange(2000) % 2)])
    with pytest.warns(Remark, match="Constant in the training part: column 1"):
        assert float(open_data(values).scaling.scale[1]) == 1


@given(
    offset=st.floats(1e4, 1e12),
    sign=st.sampled_from([-1, 1]),
    noise=st.lists(st.floats(-3, 3), min_size=8, max_size=40).filter(lambda some: np.std(some) > 0.3),
)
def test_scaled_values_agree_with_numpy(offset, sign, noise):
    column = np.array(noise) / np.std(noise) + sign * offset
    samples = Samples(torch.from_numpy(column[:, None]))
    assert open_data(column[:, None], validation=0, test=0).train.dtype == samples.dtype == "float64"
    scaling = Scaling.learn("standardise", samples)
    around, shift = column - column[0], scaling.exact_shift().item()
    assert shift - column[0] == pytest.approx(around.mean(), abs=np.spacing(offset) + 1e-9)
    expected = (column - shift) / around.std()
    assert np.allclose(scaling(samples.tensor())[:, 0].numpy(), expected, rtol=1e-6, atol=1e-6)
    again = Scaling.from_json(scaling.to_json())
    assert torch.equal(again(samples.tensor()), scaling(samples.tensor()))
    assert torch.equal(again.exact_shift(), scaling.exact_shift())


def test_scaled_values_come_back_as_float64():
    data = open_data(wide())
    values = data.test.tensor()
    back = data.scaling.inverse(data.scaling(values))
    assert back.dtype == torch.float64
    assert bool(((back - values).abs() < 1e-6 * data.scaling.scale).all())


def test_float32_is_scaled_by_a_shift_of_float64():
    data = open_data(wide())
    values = data.test.tensor()
    far = (values[:, 1] - 1e8).round() * 8 + 1e8  # exact as float32
    precise, short = values.clone(), values.clone()
    precise[:, 1] = far
    precise[:, [0, 2]], short = 0, precise
    assert torch.allclose(data.scaling(short.float())[:, 1], data.scaling(precise)[:, 1], atol=1e-5)


def test_a_scaling_of_before_loads_with_the_same_bits():
    said = {"kind": "standardise", "range": None, "shift": [0.1, 5.0], "scale": [2.0, 3.0]}
    scaling, raw = Scaling.from_json(said), torch.rand(9, 2)
    assert not scaling.precise
    assert torch.equal(scaling(raw), (raw - torch.tensor([0.1, 5.0])) / torch.tensor([2.0, 3.0]))
    assert torch.equal(scaling.inverse(raw), raw * torch.tensor([2.0, 3.0]) + torch.tensor([0.1, 5.0]))
    assert scaling.to_json() == said | {"shift": torch.tensor([0.1, 5.0]).tolist()}


def written(folder, suffix):
    path = folder / f"wide{suffix}"
    if suffix == ".npy":
        np.save(path, wide())
    elif suffix == ".parquet":
        pq.write_table(pa.table(dict(zip("abc", wide().T, strict=True))), path, row_group_size=300)
    else:
        pd.DataFrame(wide(), columns=list("abc")).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".csv"])
def test_every_source_keeps_the_values_whole_in_streams_and_in_single_rows(suffix, tmp_path):
    path = written(tmp_path, suffix)
    memory: dict[str, Any] = {"memory_map": True} if suffix == ".npy" else {}
    data = open_data(path, validation=0, test=0, **memory)
    assert data.train.dtype == "float64"
    assert np.array_equal(data.train.tensor().numpy(), wide())
    assert np.array_equal(data.train.batch(torch.tensor([5])).numpy(), wide()[5:6])
    pieces = list(stream_samples(path, like=data.description, rows=300))
    assert {piece.dtype for piece in pieces} == {"float64"}
    assert np.array_equal(torch.cat([piece.tensor() for piece in pieces]).numpy(), wide())
    one = read_samples(pd.DataFrame(wide()[7:8], columns=list("abc")), like=data.description)
    assert one.dtype == "float64"
    assert np.array_equal(one.tensor().numpy(), wide()[7:8])
    back = write_samples(tmp_path / f"back{suffix}", data.train.tensor(), like=data.description)
    assert np.array_equal(read_samples(back, like=data.description).tensor().numpy(), wide())


def test_a_table_of_which_one_part_loses_is_float64_throughout(tmp_path):
    column = np.concatenate([np.full(300, 1.7e9 + 1), np.full(300, 1.7e9 + 2), 1.7e9 + np.arange(300.0)])
    pq.write_table(pa.table({"a": column, "b": np.arange(900.0)}), tmp_path / "a.parquet", row_group_size=300)
    assert np.array_equal(open_data(tmp_path / "a.parquet", validation=0, test=0).train.tensor()[:, 0], column)


def test_numbers_in_text_and_dates_keep_their_spread():
    frame = pd.DataFrame({"a": [f"{value:.4f} €" for value in COLUMNS["far"]], "b": NOISE})
    assert np.allclose(open_data(frame, validation=0, test=0).train.tensor()[:, 0], COLUMNS["far"], rtol=0, atol=1e-4)
    times = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=2000, freq="s"), "b": NOISE})
    assert open_data(times).train.dtype == "float64"
    assert len(open_data(times, validation=0, test=0).train.tensor()[:, 0].unique()) == 2000


@pytest.mark.parametrize(("kind", "shape"), [("series", (50, 2, 20)), ("pictures", (50, 1, 6, 6))])
def test_series_and_pictures_keep_the_values(kind, shape):
    values = 1e8 + np.random.default_rng(1).normal(size=shape)
    data = open_data(values, kind=kind, validation=0, test=0)
    assert torch.equal(data.train.tensor(), torch.from_numpy(values))
    around = data.scaling(data.train.tensor())
    assert len(around.unique()) > 0.99 * values.size
    assert Samples(data.train.tensor(), kind=kind).dtype == "float64"


def test_series_of_different_lengths_keep_the_values():
    series = [1e8 + NOISE[:length] for length in (30, 40, 50)]
    data = open_data(series, validation=0, test=0)
    assert np.array_equal(data.train.tensor()[0, 0, :30].numpy(), series[0])
    longer = read_samples([series[0][:20]], like=data.description)
    assert longer.dtype == "float64"
    assert longer.shape == (1, 50)


def test_filled_values_are_float64():
    values = wide()
    values[::7, 0] = np.nan
    data = open_data(values, missing="fill", validation=0, test=0)
    assert data.train.dtype == "float64"
    assert float(data.train.tensor()[0, 0]) == pytest.approx(np.nanmean(values[:, 0]), abs=1e-3)


def test_damaged_samples_are_float64_where_the_clean_ones_are():
    data = open_data(wide(), damaged=wide() + np.random.default_rng(2).normal(size=(2000, 3)) * 1e6)
    assert data.train.damaged is not None
    assert data.train.damaged.dtype == torch.float64
