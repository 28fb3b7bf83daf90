import numpy as np
import pytest
import torch

from isthmus.data import Samples
from isthmus.data.gather import gather, join
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.errors import DataError


def test_labels_of_all_parts_are_numbered_together(table):
    raw = Raw(table, ["b"] * 40, parts={"test": Raw(table[:2], np.array(["c", "a"], dtype=object))})
    parts = gather(raw, Options(), "It")
    assert parts["train"].label_names == ("a", "b", "c")
    assert parts["test"].labels is not None
    assert parts["test"].labels.tolist() == [2, 0]


def test_labels_that_have_names_keep_their_numbers(table):
    samples = gather(Raw(table, np.full(40, 2), ("x", "y", "z")), Options(), "It")["train"]
    assert samples.labels is not None
    assert samples.labels.tolist() == [2] * 40
    assert samples.label_names == ("x", "y", "z")


def test_labels_that_have_names_follow_a_model_by_name(table):
    like = {"shape": [4], "label_names": ["z", "x"]}
    samples = gather(Raw(table, np.full(40, 2), ("x", "y", "z")), Options(), "It", like)["train"]
    assert samples.labels is not None
    assert samples.labels.tolist() == [0] * 40
    assert samples.label_names == ("z", "x", "y")


def test_labels_beyond_their_names_are_refused(table):
    with pytest.raises(DataError, match="expected 0 to 1"):
        gather(Raw(table, np.full(40, 2), ("x", "y")), Options(), "It")


def test_wrong_number_of_labels_is_refused(table):
    with pytest.raises(DataError, match="3 labels for 40 samples"):
        gather(Raw(table, [1, 2, 3]), Options(), "It")


def test_array_that_is_mapped_by_the_user_stays_mapped(tmp_path, table):
    np.save(tmp_path / "x.npy", table)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert isinstance(gather(Raw(mapped), Options(), "It")["train"].values, np.memmap)


def test_joined_parts_keep_their_order_and_names():
    one = Samples(torch.tensor([[1.0]]), torch.tensor([0]), ("a", "b"), ("p",))
    other = Samples(torch.tensor([[2.0]]), torch.tensor([1]), ("a", "b"), ("q",))
    joined = join([one, other])
    assert joined.tensor().tolist() == [[1], [2]]
    assert joined.names == ("p", "q")
    assert joined.labels is not None
    assert joined.labels.tolist() == [0, 1]
