"""Series of any lengths: read, padded, and ended where they ended."""

from typing import Any

import numpy as np
import pytest
import torch

from isthmus.data import open_data, read_samples
from isthmus.data.series import ended, pad
from isthmus.errors import DataError


def waves(count=30, channels=None, seed=0):
    """Series of 5 to 12 steps, (T,) or (C, T)."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(5, 13, count)
    return [generator.normal(size=(length,) if channels is None else (channels, length)) for length in lengths]


@pytest.mark.parametrize("form", ["alone", "channels first", "channels last", "tensors", "lists"])
def test_series_of_different_lengths_are_padded_at_their_end(form):
    given = waves(channels=None if form in ("alone", "lists") else 2)
    made = {
        "channels last": [series.T for series in given],
        "tensors": [torch.from_numpy(series) for series in given],
        "lists": [series.tolist() for series in given],
    }.get(form, given)
    padded = pad(made)
    assert padded.shape == (30, given[0].ndim, max(series.shape[-1] for series in given))
    for row, series in zip(padded, given, strict=True):
        assert np.allclose(row[:, : series.shape[-1]], np.atleast_2d(series))
        assert np.isnan(row[:, series.shape[-1] :]).all()


def test_a_series_is_over_where_only_nan_follows_in_all_channels():
    nan = torch.nan
    values = torch.tensor([[[1, nan, 2, nan, nan], [1, 1, nan, nan, nan]], [[nan, 1, 1, 1, nan], [nan, 1, 1, 1, 1]]])
    assert ended(values).tolist() == [[[False, False, False, True, True]], [[False] * 5]]


def test_lists_of_different_lengths_are_series_without_being_told():
    data = open_data(waves(), labels=np.arange(30) % 2)
    assert (data.kind, data.shape) == ("series", (1, 12))
    assert data.holed
    assert len(data.test) == 3


def test_series_of_one_length_are_known_by_their_kind():
    data = open_data(np.random.default_rng(0).normal(size=(20, 30, 2)), kind="series")
    assert data.shape == (2, 30)
    assert not data.holed


def test_each_array_of_an_archive_is_a_series_of_its_name(tmp_path):
    given = {f"walk {place}": series for place, series in enumerate(waves(channels=3))}
    arrays: Any = given
    np.savez(tmp_path / "walks.npz", **arrays)
    samples = read_samples(tmp_path / "walks.npz", kind="series")
    assert samples.names == tuple(given)
    assert np.allclose(samples.tensor()[4, :, : given["walk 4"].shape[1]], given["walk 4"], atol=1e-6)


def test_rows_of_a_text_table_can_be_series(tmp_path):
    (tmp_path / "beats.csv").write_text(
        "\n".join("a" + ",1.0,4.5" * 4 for _ in range(20)) + f"\na,1.0,2.0{',' * 6}\n" * 5
    )
    data = open_data(tmp_path / "beats.csv", kind="series", label=0, header=False, seed=1)
    assert (data.shape, data.label_names) == ((1, 8), ("a",))
    assert data.holed


def test_shorter_series_are_taken_by_a_model_of_longer_ones_and_longer_are_refused():
    description = open_data(waves()).description
    samples = read_samples([np.ones(3), np.ones(2)], like=description)
    assert samples.shape == (1, 12)
    assert samples.tensor().isnan().sum((1, 2)).tolist() == [9, 10]
    with pytest.raises(DataError, match=r"\(1, 13\).*expected \(1, 12\).*Cut"):
        read_samples([np.ones(13), np.ones(2)], like=description)


def test_a_hole_within_a_series_is_refused_unless_kept_and_its_end_is_none():
    given = waves()
    given[3][2] = np.nan
    with pytest.raises(DataError, match=r"1 of 30 samples .sample 3."):
        open_data(given)
    assert open_data(given, missing="keep").description["options"] == {"missing": "keep"}


def test_holes_are_filled_and_ends_are_not():
    given = waves()
    given[3][2] = np.nan
    data = open_data(given, missing="fill")
    filled = torch.cat([part.tensor() for part in data.parts.values()])
    over = ended(filled)
    assert int(over.sum()) == sum(12 - len(series) for series in given)
    assert bool(filled[~over].isfinite().all())


def test_a_series_without_any_step_is_named():
    with pytest.raises(DataError, match=r"no known value .sample 1."):
        open_data([np.ones(3), np.full(2, np.nan), np.ones(4)])


@pytest.mark.parametrize("given", [[np.ones((2, 3)), np.ones((3, 4))], [np.ones(3), np.ones((2, 3))]])
def test_series_that_differ_in_more_than_their_length_are_refused(given):
    with pytest.raises(DataError, match="series that differ only in length"):
        open_data(given)
