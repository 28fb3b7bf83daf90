import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset

from isthmus.data import open_data, read_samples
from isthmus.errors import DataError


class Items(Dataset):
    """A map-style dataset of a list's items, as short as one can be written."""

    def __init__(self, items, **more):
        self.items = items
        self.__dict__.update(more)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, place):
        return self.items[place]


def grey(shade, mode="L"):
    return Image.new(mode, (4, 3), shade)


def test_bytes_of_a_dataset_stay_bytes():
    values = torch.arange(40 * 12, dtype=torch.int32).to(torch.uint8).reshape(40, 1, 3, 4)
    samples = read_samples(TensorDataset(values, torch.arange(40) % 2))
    assert (samples.dtype, samples.shape, samples.kind) == ("uint8", (1, 3, 4), "pictures")
    assert torch.equal(samples.tensor(), values)


def test_labels_of_a_dataset_are_kept():
    samples = read_samples(Items([(np.ones(3), kind) for kind in ("cat", "dog", "cat")]))
    assert samples.label_names == ("cat", "dog")
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 1, 0]


def test_classes_of_a_dataset_name_its_labels():
    items = Items([(np.ones(3), torch.tensor(label)) for label in (2, 0)], classes=["cat", "dog", "owl"])
    samples = read_samples(items)
    assert samples.label_names == ("cat", "dog", "owl")
    assert samples.labels is not None
    assert samples.labels.tolist() == [2, 0]


def test_labels_given_take_the_place_of_the_datasets_own():
    samples = read_samples(Items([(np.ones(3), 0), (np.ones(3), 1)], classes=["a", "b"]), labels=["x", "y"])
    assert samples.label_names == ("x", "y")


def test_pillow_pictures_of_a_dataset_are_bytes_with_their_colours_first():
    samples = read_samples(Items([(grey((9, 0, 0), "RGB"), 0), (grey((0, 9, 0), "RGB"), 1)]))
    assert (samples.dtype, samples.shape) == ("uint8", (3, 3, 4))
    assert samples.tensor()[:, :, 0, 0].tolist() == [[9, 0, 0], [0, 9, 0]]


def test_dataset_without_labels_is_taken():
    for items in (Items([np.zeros(3), np.ones(3)]), TensorDataset(torch.eye(2))):
        assert read_samples(items).labels is None


def test_datasets_of_datasets_are_taken():
    whole = TensorDataset(torch.eye(5), torch.arange(5))
    samples = read_samples(ConcatDataset([Subset(whole, [4, 1]), Subset(whole, [0])]))
    assert samples.tensor().argmax(1).tolist() == [4, 1, 0]


def test_data_of_a_dataset_train_and_are_used(tmp_path):
    import isthmus as ist

    values = torch.randint(0, 256, (60, 1, 4, 4), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    dataset = TensorDataset(values, torch.arange(60) % 3)
    data = open_data(dataset)
    assert data.train.dtype == "uint8"
    run = ist.fit(ist.recipe("vanilla", code=2).build(data), data, epochs=1, out=tmp_path / "run", progress=False)
    assert torch.equal(run.encode(dataset), run.encode(values))


def test_an_iterable_dataset_is_read_once():
    class Few(IterableDataset):
        def __iter__(self):
            return iter([(np.ones(3), "a"), (np.zeros(3), "b")])

    samples = read_samples(Few())
    assert samples.label_names == ("a", "b")
    assert samples.tensor()[:, 0].tolist() == [1, 0]


def test_a_dataset_without_a_length_is_refused():
    class Lengthless(Dataset):
        def __getitem__(self, place):
            return np.ones(3)

    with pytest.raises(DataError, match=r"The Lengthless has no length: expected a map-style dataset.*Add __len__"):
        open_data(Lengthless())


def test_empty_dataset_is_refused():
    with pytest.raises(DataError, match="is empty"):
        open_data(Items([]))


@pytest.mark.parametrize("item", [(np.ones(3), 0, 1), object(), ()])
def test_items_that_are_no_sample_are_refused(item):
    with pytest.raises(DataError, match=r"Item 1 of the Items is .*returns \(sample, label\)"):
        open_data(Items([np.ones(3), item]))


def test_labels_of_some_items_only_are_refused():
    with pytest.raises(DataError, match="1 labels for 2 samples"):
        open_data(Items([(np.ones(3), 0), np.ones(3)]))


def test_samples_of_different_shapes_are_refused():
    with pytest.raises(DataError, match="Give samples of one shape"):
        open_data(Items([np.ones((3, 4, 4)), np.ones((3, 5, 5))]))


def test_error_within_a_dataset_ends_in_one_line():
    class Broken(Items):
        def __getitem__(self, place):
            raise KeyError("page 7")

    with pytest.raises(DataError, match=r"The Broken can't be read \(KeyError: 'page 7'\)"):
        open_data(Broken([1]))
