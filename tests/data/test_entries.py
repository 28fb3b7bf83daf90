import io
import warnings

import pytest

from isthmus.data.entries import Division, Entry, divide, has_suffix, suffix_of
from isthmus.errors import Remark


def entries(*names: str) -> list[Entry]:
    return [Entry(name, io.BytesIO) for name in names]


def parts(division: Division) -> dict[str, list[str]]:
    return {part: [entry.name for entry in some] for part, some in division.parts.items()}


def quiet(*names: str) -> Division:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return divide(entries(*names), "set")


@pytest.mark.parametrize(
    ("train", "test", "validation"),
    [("train", "test", "val"), ("Train", "Test", "Valid"), ("TRAINING", "testing", "dev"), ("tr", "te", "va")],
)
def test_folders_of_any_spelling_are_parts(train, test, validation):
    division = quiet(f"{test}/a/1.png", f"{train}/a/1.png", f"{train}/b/2.png", f"{validation}/b/1.png")
    assert parts(division) == {
        "train": [f"{train}/a/1.png", f"{train}/b/2.png"],
        "test": [f"{test}/a/1.png"],
        "validation": [f"{validation}/b/1.png"],
    }
    assert next(iter(division.parts)) == "train"
    assert division.labels([f"{train}/a/1.png", f"{train}/b/2.png"]) == ["a", "b"]


def test_parts_may_lie_below_a_folder_of_all_files():
    division = quiet("set/train/a/1.png", "set/test/b/1.png")
    assert parts(division) == {"train": ["set/train/a/1.png"], "test": ["set/test/b/1.png"]}
    assert division.labels(["set/train/a/1.png", "set/test/b/1.png"]) == ["a", "b"]


def test_parts_may_lie_in_the_folders_of_the_classes():
    division = quiet("cats/train/1.png", "cats/test/1.png", "dogs/train/1.png", "dogs/test/2.png")
    assert parts(division)["train"] == ["cats/train/1.png", "dogs/train/1.png"]
    assert division.labels(["cats/train/1.png", "dogs/test/2.png"]) == ["cats", "dogs"]


def test_a_part_whose_folder_is_repeated_below_it_is_no_label():
    division = quiet("seg_train/seg_train/sea/1.png", "seg_test/seg_test/sea/1.png")
    assert division.labels(["seg_train/seg_train/sea/1.png"]) == ["sea"]


def test_files_outside_of_the_parts_are_left_out_and_named():
    with pytest.warns(
        Remark, match=r"2 files outside of them are left out \(more/4\.png, stray\.png\).*move them into"
    ):
        division = divide(entries("train/1.png", "test/2.png", "stray.png", "more/4.png"), "set")
    assert parts(division) == {"train": ["train/1.png"], "test": ["test/2.png"]}


def test_a_training_folder_alone_is_remarked_on():
    with pytest.warns(Remark, match="a folder train but none for tests.*put them into a folder 'test'"):
        division = divide(entries("train/a/1.png", "train/b/1.png"), "set")
    assert list(division.parts) == ["train"]
    assert division.labels(["train/a/1.png", "train/b/1.png"]) == ["a", "b"]


@pytest.mark.parametrize(
    "names", [("Train1/1.png", "Train2/1.png"), ("train/1.png", "bus/1.png"), ("test/1.png", "a/1.png")]
)
def test_folders_that_are_nearly_parts_are_classes_with_a_remark(names):
    with pytest.warns(Remark, match="as any class's. If they are parts of the data, rename them"):
        division = divide(entries(*names), "set")
    assert division.labels(names) == [name.partition("/")[0] for name in names]
    assert list(division.parts) == ["train"]


def test_classes_are_no_parts():
    division = quiet("cats/1.png", "dogs/1.png", "2.png")
    assert division.labels(["cats/1.png", "2.png"]) == ["cats", None]
    assert quiet("1.png").labels(["1.png"]) is None


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.PNG", ".png"), ("a.nii.gz", ".nii.gz"), ("a.tar", ".tar"), (".png", ""), ("a/b", "")]
)
def test_a_packed_file_has_two_suffixes(name, suffix):
    assert suffix_of(name) == suffix


@pytest.mark.parametrize("name", [".a.png", "x/.hidden/a.png", "__MACOSX/a.png", "Thumbs.db", "x/desktop.ini"])
def test_hidden_files_have_no_suffix_that_counts(name):
    assert not has_suffix(name, (".png", ".db", ".ini"))


def test_a_folder_above_all_classes_is_no_label():
    names = ["set/cats/1.png", "set/dogs/2.png"]
    assert quiet(*names).labels(names) == ["cats", "dogs"]
    assert quiet("cats/1.png", "cats/2.png").labels(["cats/1.png"]) == ["cats"]


def test_files_that_are_named_as_parts_are_remarked_on():
    with pytest.warns(Remark, match="named as parts of the data .test, train., but are read as one set.*move them"):
        divide(entries("train_1.png", "train_2.png", "test_1.png"), "set")
    assert list(quiet("train_1.png", "bus_2.png").parts) == ["train"]
