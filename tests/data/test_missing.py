import numpy as np
import pandas as pd
import pytest
import torch

from isthmus.data import Samples, open_data, read_samples
from isthmus.data.missing import check_finite
from isthmus.errors import DataError, Remark


@pytest.fixture
def holed() -> np.ndarray:
    values = np.arange(80, dtype=np.float32).reshape(20, 4)
    values[3, 1], values[7, 2] = np.nan, np.inf
    return values


def test_columns_with_missing_values_are_named():
    samples = Samples(torch.tensor([[1.0, float("nan")], [2.0, 3.0]]), columns=("whole", "holed"))
    with pytest.raises(DataError, match=r"in 1 of 2 samples .column 'holed'."):
        check_finite(samples, "It")


def test_columns_without_names_are_numbered(holed):
    with pytest.raises(DataError, match="columns 1, 2"):
        open_data(holed)


def test_pictures_with_missing_values_are_named(pictures):
    values = pictures.astype(np.float32)
    values[4, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="sample 4"):
        open_data(values)


def test_samples_with_missing_values_can_be_dropped(holed):
    with pytest.warns(Remark, match="2 of 20 samples"):
        data = open_data(holed, labels=np.arange(20), missing="drop")
    assert len(data) == 18
    kept = torch.cat([part.labels for part in data.parts.values() if part.labels is not None])
    assert sorted(kept.tolist()) == [i for i in range(20) if i not in (3, 7)]


def test_dropping_everything_is_refused():
    with pytest.raises(DataError, match="no sample is left"):
        open_data(np.full((5, 2), np.nan), missing="drop")


def test_missing_values_are_filled_with_the_mean_of_the_training_part(holed):
    data = open_data(holed, missing="fill", seed=1)
    train = np.setdiff1d(data.train.tensor()[:, 0].numpy() / 4, [3]).astype(int)
    expected = holed[train, 1].astype(np.float64).mean()
    whole = torch.cat([part.tensor() for part in data.parts.values()])
    assert torch.isfinite(whole).all()
    assert data.description["fill"][1] == pytest.approx(expected)


def test_further_data_are_filled_with_what_training_filled_in(holed):
    data = open_data(holed, missing="fill")
    row = read_samples(np.array([[1, np.nan, 2, 3]]), like=data.description).tensor()[0]
    assert row[1].item() == pytest.approx(data.description["fill"][1])


def test_column_without_any_value_can_not_be_filled(holed):
    holed[:, 3] = np.nan
    with pytest.raises(DataError, match="column 3"):
        open_data(holed, missing="fill")


def test_mapped_values_are_checked_dropped_and_filled(tmp_path, holed):
    np.save(tmp_path / "x.npy", holed)
    with pytest.raises(DataError, match="columns 1, 2"):
        open_data(tmp_path / "x.npy", memory_map=True)
    with pytest.warns(Remark, match="2 of 20"):
        assert len(open_data(tmp_path / "x.npy", memory_map=True, missing="drop")) == 18
    filled = open_data(tmp_path / "x.npy", memory_map=True, missing="fill")
    assert all(torch.isfinite(part.tensor()).all() for part in filled.parts.values())


def test_values_too_large_for_float32_count_as_infinite():
    with pytest.raises(DataError, match="column 0"):
        open_data(np.array([[1e300, 1], [1, 2], [3, 4]]))


def test_missing_values_can_be_kept_for_a_model_that_is_told_which(holed):
    holed[7, 2] = np.nan
    data = open_data(holed, missing="keep")
    whole = torch.cat([part.tensor() for part in data.parts.values()])
    assert int(whole.isnan().sum()) == 2
    assert data.holed
    assert sum(data.description["holed"].values()) == 2
    assert not open_data(holed, missing="fill").holed


def test_infinite_values_are_not_kept(holed):
    with pytest.raises(DataError, match=r"infinite values .sample 7."):
        open_data(holed, missing="keep")


def test_a_sample_of_which_nothing_is_known_is_named():
    values = np.ones((9, 2))
    values[4] = np.nan
    with pytest.raises(DataError, match=r"1 of 9 samples with no known value .sample 4."):
        open_data(values, missing="keep")


def test_a_column_of_which_nothing_is_known_is_named():
    values = np.ones((9, 2))
    values[:, 1] = np.nan
    with pytest.raises(DataError, match=r"column 1: .*no mean to fill in"):
        open_data(values, missing="keep")


def test_a_row_without_a_known_value_is_taken_by_a_model_that_knows_such_rows(holed):
    holed[7, 2] = 0
    data = open_data(holed, missing="keep")
    empty = np.full((2, 4), np.nan, dtype=np.float32)
    assert read_samples(empty, like=data.description).tensor().isnan().all()


def test_columns_with_infinite_values_are_named():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, np.inf, np.nan]})
    with pytest.raises(DataError, match=r"1 of 3 samples with infinite values \(sample 1, column 'b'\)"):
        open_data(table, missing="keep")
