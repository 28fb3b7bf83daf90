import io
import warnings

import pytest

from isthmus.data.entries import Entry
from isthmus.data.masks import without_masks
from isthmus.errors import Remark


def kept(*names: str) -> list[str]:
    return [entry.name for entry in without_masks([Entry(name, io.BytesIO) for name in names], "set")]


@pytest.mark.parametrize("folder", ["ground_truth", "GroundTruth", "masks", "annotations", "x/Ground Truth"])
def test_folders_of_masks_are_left_out_and_counted(folder):
    with pytest.warns(Remark, match="2 pictures look like masks of others.*rename that folder"):
        assert kept("train/good/1.png", f"{folder}/crack/0.png", f"{folder}/hole/1.png") == ["train/good/1.png"]


@pytest.mark.parametrize("folder", ["mask", "labels", "gt", "Seg"])
def test_folders_whose_names_may_mean_masks_are_if_their_files_are_named_after_others(folder):
    with pytest.warns(Remark, match="2 pictures look like masks"):
        assert kept("images/1.png", "images/2.png", f"{folder}/1_mask.png", f"{folder}/2.png") == [
            "images/1.png",
            "images/2.png",
        ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(kept("no_mask/1.png", f"{folder}/7.png", f"{folder}/8.png")) == 3


def test_files_named_after_another_are_masks():
    with pytest.warns(Remark, match=r"1 pictures look like masks of others.*named like a/1_mask\.png"):
        assert kept("a/1.png", "a/1_mask.png", "a/other_mask.png") == ["a/1.png", "a/other_mask.png"]


def test_masks_alone_are_samples():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kept("masks/1.png", "masks/2.png") == ["masks/1.png", "masks/2.png"]


def test_a_folder_may_name_masks_and_their_part():
    with pytest.warns(Remark, match="2 in train_masks"):
        assert kept("train/1.jpg", "train/2.jpg", "train_masks/1_mask.gif", "train_masks/2_mask.gif") == [
            "train/1.jpg",
            "train/2.jpg",
        ]
