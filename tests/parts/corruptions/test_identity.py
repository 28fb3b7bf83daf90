"""The corruption that does nothing is a part like any other."""

import torch

import isthmus as ist
from isthmus.parts import Corruption, Identity


def test_the_encoder_gets_the_clean_samples():
    model = ist.recipe("vanilla", code=2).build((3, 4), remarks=False)
    assert model.corruption == Identity()
    out = model(torch.rand(2, 3, 4), model.draw(2, torch.Generator()))
    assert torch.equal(out.corrupted, out.clean)


def test_none_stands_for_it():
    assert Corruption.model_validate(None) == Identity()
    assert ist.recipe("denoising").replace(corruption=None).corruption == Identity()
    assert ist.recipe("denoising").replace(corruption="identity").corruption == Identity()
