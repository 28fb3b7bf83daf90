import numpy as np
import pytest
import torch

from isthmus.data.labels import encode_labels
from isthmus.errors import DataError, Remark


def encoded(given, known=()):
    numbers, names = encode_labels(given, len(given), known)
    assert numbers is not None
    assert numbers.dtype == torch.int64
    return numbers.tolist(), names


def test_strings_are_numbered_by_letters():
    assert encoded(["dog", "cat", "dog"]) == ([1, 0, 1], ("cat", "dog"))


def test_numbers_are_numbered_by_size():
    assert encoded(np.array([10, 2, 10], np.uint8)) == ([1, 0, 1], ("2", "10"))


def test_whole_floats_are_named_as_whole_numbers():
    assert encoded(np.array([[1.0], [3.0]])) == ([0, 1], ("1", "3"))


def test_truth_values_are_classes():
    assert encoded(torch.tensor([True, False])) == ([1, 0], ("False", "True"))


def test_missing_labels_are_a_class_of_their_own():
    assert encoded(["b", None, "a"]) == ([1, 2, 0], ("a", "b", "(none)"))
    assert encoded(np.array([2.0, np.nan])) == ([0, 1], ("2", "(none)"))


def test_known_names_keep_their_numbers_and_new_ones_follow():
    assert encoded(["new", "b"], known=("b", "a")) == ([2, 0], ("b", "a", "new"))


def test_a_quantity_is_left_out_with_a_remark():
    with pytest.warns(Remark, match="quantity"):
        assert encode_labels(np.random.default_rng(0).random(2000), 2000) == (None, ())


def test_several_columns_are_left_out_with_a_remark():
    with pytest.warns(Remark, match="argmax"):
        assert encode_labels(np.eye(3), 3) == (None, ())


def test_too_few_labels_are_refused():
    with pytest.raises(DataError, match="2 labels for 3 samples"):
        encode_labels([1, 2], 3)
