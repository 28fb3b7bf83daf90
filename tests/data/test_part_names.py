import pytest

from isthmus.data.part_names import nearly_parts, parts_among, split_name


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *[(name, "train") for name in ("train", "Train", "TRAINING", "tr", "train_images", "TrainSet", "images-train")],
        *[(name, "test") for name in ("test", "Testing", "te", "test_set", "TEST DATA", "holdout", "Test.images")],
        *[(name, "validation") for name in ("val", "VALID", "validation", "dev", "eval", "Validating", "val_data")],
    ],
)
def test_a_part_is_known_by_its_common_spellings(name, part):
    found = split_name(name)
    assert found is not None
    assert found[0] == part


@pytest.mark.parametrize(
    "name", ["cats", "testimony", "trainer", "Train1", "constrain", "value", "x_train", "te_x", "0"]
)
def test_other_names_are_no_parts(name):
    assert split_name(name) is None


@pytest.mark.parametrize("name", ["x_train", "X_Train", "train_x", "Xtrain", "trainX", "training_x", "x-tr", "Xtr"])
def test_an_array_may_have_its_name_beside_the_part(name):
    assert split_name(name, ("x", "images")) == ("train", "x")


def test_names_that_share_the_rest_are_parts():
    assert parts_among(["seg_train", "seg_test", "seg_pred"]) == {"seg_train": "train", "seg_test": "test"}
    assert parts_among(["train_cats", "test_dogs"]) == {}
    assert parts_among(["trainA", "trainB", "testA", "testB"]) == {}


def test_without_training_data_there_are_no_parts():
    assert parts_among(["test", "val", "cats"]) == {}


def test_two_letters_among_other_names_may_be_languages():
    assert parts_among(["tr", "te"]) == {"tr": "train", "te": "test"}
    assert parts_among(["tr", "te", "en", "de"]) == {}


def test_names_that_are_nearly_a_part_are_found():
    assert nearly_parts(["Train1", "test_2", "my train", "cats", "contest"]) == ["Train1", "test_2", "my train"]
