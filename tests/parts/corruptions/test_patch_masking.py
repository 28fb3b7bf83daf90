"""Patch masking: whole patches, the same number in every picture."""

import pytest
import torch
from torch.nn import functional as F

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import PatchMasking
from isthmus.parts.corruptions.patch_masking import patch_side


@pytest.mark.parametrize(("share", "hidden"), [(0.75, 9), (0.5, 6), (0.1, 1)])
def test_so_many_whole_patches_are_hidden_in_every_picture(share, hidden):
    drawn = PatchMasking(share=share, patch=2).draw(20, (3, 6, 8), torch.Generator().manual_seed(0)).float()
    assert drawn.shape == (20, 3, 6, 8)
    means = F.avg_pool2d(drawn, 2)
    assert bool(((means == 0) | (means == 1)).all())
    assert means[:, 0].flatten(1).sum(1).tolist() == [hidden] * 20
    assert torch.equal(drawn[:, 0], drawn[:, 2])
    assert len(means[:, 0].flatten(1).unique(dim=0)) > 5


def test_every_patch_is_hidden_as_often():
    drawn = PatchMasking(patch=1).draw(4000, (1, 3, 4), torch.Generator().manual_seed(0)).float()
    assert bool(((drawn.mean(0) - 0.75).abs() < 5 * (0.75 * 0.25 / 4000) ** 0.5).all())


@pytest.mark.parametrize(
    ("shape", "side"), [((1, 28, 28), 4), ((3, 32, 32), 4), ((1, 8, 8), 2), ((3, 224, 224), 16), ((1, 7, 11), 1)]
)
def test_the_size_of_a_patch_that_is_left_open_divides_the_picture(shape, side):
    assert patch_side(shape, None) == side


def test_a_size_that_does_not_divide_the_picture_is_refused_with_one_that_does():
    with pytest.raises(BlueprintError, match=r"8×8 pixels can't be divided into patches of 3.*patch=2"):
        ist.recipe("mae", corruption__patch=3).build((1, 8, 8))
    with pytest.raises(BlueprintError, match="needs pictures"):
        ist.recipe("vanilla", corruption="patch-masking").build((8,))
