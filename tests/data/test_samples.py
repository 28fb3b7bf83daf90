import numpy as np
import pytest
import torch

from isthmus.data import Samples
from isthmus.data.samples import inference_batch_size
from isthmus.errors import DataError


@pytest.fixture
def mapped(tmp_path) -> np.ndarray:
    values = np.arange(60, dtype=np.float64).reshape(20, 3)
    np.save(tmp_path / "x.npy", values)
    return np.load(tmp_path / "x.npy", mmap_mode="r")


def test_batch_gives_the_asked_samples_in_their_order():
    samples = Samples(torch.arange(12).reshape(6, 2).float())
    assert samples.batch(torch.tensor([4, 0])).tolist() == [[8, 9], [0, 1]]


def test_batch_of_pictures_stays_bytes_and_contiguous(pictures):
    batch = Samples(torch.from_numpy(pictures), kind="pictures").batch(torch.tensor([3, 1, 3]))
    assert batch.dtype == torch.uint8
    assert batch.is_contiguous()
    assert np.array_equal(batch.numpy(), pictures[[3, 1, 3]])


def test_batch_of_mapped_values_is_a_contiguous_float32_tensor(mapped):
    batch = Samples(mapped).batch(torch.tensor([19, 2]))
    assert batch.dtype == torch.float32
    assert batch.is_contiguous()
    assert batch.tolist() == [[57, 58, 59], [6, 7, 8]]


def test_batch_of_mapped_pictures_with_moved_axes_is_contiguous(tmp_path, pictures):
    np.save(tmp_path / "x.npy", np.moveaxis(pictures, 1, 3))
    values = np.moveaxis(np.load(tmp_path / "x.npy", mmap_mode="r"), 3, 1)
    batch = Samples(values, kind="pictures").batch(torch.tensor([5, 0]))
    assert batch.is_contiguous()
    assert np.array_equal(batch.numpy(), pictures[[5, 0]])


def test_taking_from_mapped_values_reads_nothing_and_composes(mapped):
    twice = Samples(mapped, labels=torch.arange(20)).take([5, 7, 9]).take([2, 0])
    assert twice.values is mapped
    assert len(twice) == 2
    assert twice.tensor()[:, 0].tolist() == [27, 15]
    assert twice.labels is not None
    assert twice.labels.tolist() == [9, 5]


@pytest.mark.parametrize("size", [1, 3, 20, 50])
def test_batches_are_all_samples_in_order(mapped, size):
    for samples in (Samples(mapped), Samples(torch.from_numpy(mapped.copy()).float()), Samples(mapped).take(range(20))):
        assert torch.equal(torch.cat(list(samples.batches(size))), samples.tensor())


def test_taking_keeps_names_labels_and_columns():
    samples = Samples(torch.zeros(3, 2), torch.tensor([0, 1, 0]), ("a", "b"), ("p", "q", "r"), columns=("u", "v"))
    taken = samples.take(torch.tensor([2, 1]))
    assert taken.names == ("r", "q")
    assert taken.label_names == ("a", "b")
    assert taken.columns == ("u", "v")


def test_no_samples_at_all_can_be_taken(mapped):
    assert len(Samples(mapped).take([])) == 0
    assert Samples(mapped).take([]).tensor().shape == (0, 3)
    assert list(Samples(torch.zeros(4, 2)).take([]).batches(3)) == []


def test_fields_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="2 labels for 3 samples"):
        Samples(torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(DataError, match="1 column names"):
        Samples(torch.zeros(3, 2), columns=("a",))


def test_as_many_samples_go_together_as_suit_their_size():
    sizes = {0: 4096, 128: 4096, 784: 668, 2**13: 64, 2**17: 64, 2**22: 4, 2**30: 1}
    assert {numbers: inference_batch_size(numbers) for numbers in sizes} == sizes
