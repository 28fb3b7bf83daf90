import numpy as np
import pytest
import torch
from PIL import Image

from isthmus.data import open_data, read_samples, write_samples
from isthmus.errors import DataError, Remark


@pytest.fixture
def set_of_pictures(tmp_path, pictures):
    return write_samples(tmp_path / "set", pictures, names=[f"{'ab'[i % 2]}/{i}.png" for i in range(12)])


def test_a_source_with_parts_gives_them_one_after_another(tmp_path, table):
    np.savez(tmp_path / "x.npz", x_train=table, y_train=["a"] * 40, x_test=table[:5], y_test=["b"] * 5)
    samples = read_samples(tmp_path / "x.npz")
    assert len(samples) == 45
    assert samples.labels is not None
    assert samples.labels.sum() == 5
    assert len(read_samples(tmp_path / "x.npz", part="test")) == 5
    with pytest.raises(DataError, match="no part 'validation' here: expected train, test"):
        read_samples(tmp_path / "x.npz", part="validation")


def test_data_give_all_their_parts_or_one(table):
    data = open_data(table)
    assert len(read_samples(data)) == 40
    assert torch.equal(read_samples(data, part="test", like=data.description).tensor(), data.test.tensor())


def test_pictures_are_resized_and_converted_as_in_training(tmp_path, set_of_pictures):
    data = open_data(set_of_pictures, size=(4, 3), mode="L")
    Image.new("RGB", (50, 40)).save(tmp_path / "other.png")
    assert read_samples(tmp_path / "other.png", like=data.description).shape == (1, 4, 3)


def test_pictures_are_not_resized_unless_training_did_it(tmp_path, set_of_pictures):
    data = open_data(set_of_pictures)
    Image.new("L", (50, 40)).save(tmp_path / "other.png")
    with pytest.raises(DataError, match=r"shape \(1, 40, 50\): expected \(3, 6, 5\).*size=\(6, 5\) and mode='RGB'"):
        read_samples(tmp_path / "other.png", like=data.description)
    fitted = read_samples(tmp_path / "other.png", like=data.description, size=(6, 5), mode="RGB")
    assert fitted.shape == data.shape


def test_labels_keep_the_numbers_of_the_training(table):
    data = open_data(table, labels=["cat", "dog"] * 20)
    samples = read_samples(table[:3], like=data.description, labels=["dog", "owl", "dog"])
    assert samples.label_names == ("cat", "dog", "owl")
    assert samples.labels is not None
    assert samples.labels.tolist() == [1, 2, 1]


def test_shape_alone_describes_enough(table):
    assert read_samples(table, like={"shape": [4]}).shape == (4,)


def test_named_array_of_the_training_may_be_absent(tmp_path, table):
    np.savez(tmp_path / "x.npz", one=table, two=table)
    np.savez(tmp_path / "y.npz", values=table)
    data = open_data(tmp_path / "x.npz", array="one")
    assert len(read_samples(tmp_path / "x.npz", like=data.description)) == 40
    assert len(read_samples(tmp_path / "y.npz", like=data.description)) == 40


def test_kind_of_the_training_is_kept(table):
    rows = table.reshape(-1, 8)
    data = open_data(rows, kind="series")
    assert read_samples(rows, like=data.description).kind == "series"


def test_labels_beside_a_file_are_refused(tmp_path, table):
    np.save(tmp_path / "x.npy", table)
    with pytest.raises(DataError, match="labels= is for values in memory"):
        read_samples(tmp_path / "x.npy", labels=[0] * 40)


def test_a_part_without_labels_leaves_the_whole_without(tmp_path, table):
    np.savez(tmp_path / "x.npz", x_train=table, y_train=[0] * 40, x_test=table)
    with pytest.warns(Remark, match="have no labels"):
        assert read_samples(tmp_path / "x.npz").labels is None
