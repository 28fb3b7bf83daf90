import warnings

import numpy as np
import pytest
import torch

from isthmus.data import Samples, open_data, read_samples
from isthmus.data.fit import fit_to
from isthmus.errors import DataError, Remark

PICTURES = {"shape": [1, 2, 3], "kind": "pictures", "dtype": "uint8"}


def test_other_shape_names_both():
    with pytest.raises(DataError, match=r"shape \(5,\): expected \(4,\)"):
        fit_to(Samples(torch.zeros(2, 5)), {"shape": [4]}, "It")


def test_flat_rows_are_taken_for_pictures_with_a_remark():
    with pytest.warns(Remark, match=r"\(6,\); they are reshaped to \(1, 2, 3\)"):
        samples = fit_to(Samples(torch.arange(12).reshape(2, 6).to(torch.uint8)), PICTURES, "It")
    assert samples.kind == "pictures"
    assert samples.tensor()[1].tolist() == [[[6, 7, 8], [9, 10, 11]]]


def test_pictures_of_another_form_are_not_reshaped():
    with pytest.raises(DataError):
        fit_to(Samples(torch.zeros(2, 1, 3, 2, dtype=torch.uint8), kind="pictures"), PICTURES, "It")


def test_one_sample_without_its_axis_is_told_what_to_do():
    with pytest.raises(DataError, match=r"x\[None\]"):
        read_samples(np.zeros((2, 3), np.uint8), like=PICTURES)


def test_values_of_the_models_shape_are_never_turned():
    values = np.random.default_rng(0).integers(0, 256, (2, 5, 8, 3), dtype=np.uint8)
    like = {"shape": [5, 8, 3], "kind": "pictures", "dtype": "uint8"}
    assert np.array_equal(read_samples(values, like=like).tensor().numpy(), values)


def test_scaled_values_for_a_model_of_bytes_are_remarked_on():
    with pytest.warns(Remark, match="multiply them by 255"):
        fit_to(Samples(torch.rand(2, 1, 2, 3), kind="pictures"), PICTURES, "It")


def test_bytes_for_a_model_of_scaled_values_are_remarked_on():
    scaled = open_data(np.random.default_rng(0).random((20, 1, 4, 4), dtype=np.float32))
    bytes_ = np.random.default_rng(0).integers(0, 256, (5, 1, 4, 4), dtype=np.uint8)
    for given in (bytes_, bytes_.astype(np.float32)):
        with pytest.warns(Remark, match=r"up to 248, but .* on values up to 1\. .* divide"):
            read_samples(given, like=scaled.description)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Remark)
        read_samples(bytes_ / 255, like=scaled.description)
        wide = open_data(bytes_.astype(np.float32))
        read_samples(bytes_, like=wide.description)


def test_columns_of_samples_are_put_in_order():
    samples = Samples(torch.tensor([[1.0, 2.0, 3.0]]), columns=("a", "b", "c"))
    fitted = fit_to(samples, {"shape": [2], "columns": ["c", "a"]}, "It")
    assert fitted.tensor().tolist() == [[3, 1]]
    with pytest.raises(DataError, match="lacks the column 'd'"):
        fit_to(samples, {"shape": [2], "columns": ["c", "d"]}, "It")


def test_arrays_without_names_fit_a_model_of_a_table_by_position(table):
    samples = fit_to(Samples(torch.from_numpy(table)), {"shape": [4], "columns": list("abcd")}, "It")
    assert samples.columns == tuple("abcd")


def test_mapped_pictures_fit_without_being_read(tmp_path, pictures):
    np.save(tmp_path / "x.npy", pictures)
    data = open_data(tmp_path / "x.npy", memory_map=True)
    assert isinstance(read_samples(tmp_path / "x.npy", like=data.description, memory_map=True).values, np.ndarray)
