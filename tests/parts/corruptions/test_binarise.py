"""Dynamic binarisation."""

import pytest
import torch

import isthmus as ist
from isthmus.parts import Binarise


def test_numbers_are_probabilities_and_the_drawn_sample_is_the_target():
    grey = torch.tensor([0.0, 0.25, 0.5, 1.0]).expand(4000, 4)
    drawn = Binarise()(grey, Binarise().draw(4000, (4,), torch.Generator().manual_seed(0)))
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert drawn.mean(0).tolist() == pytest.approx([0, 0.25, 0.5, 1], abs=4 * (0.25 / 4000) ** 0.5)
    assert torch.equal(drawn[:, [0, 3]], grey[:, [0, 3]])
    model = ist.recipe("vae", code=2, distance="bce", corruption="binarise").build((1, 2, 2), remarks=False)
    grey = grey.view(-1, 1, 2, 2)
    out = model(grey[:50], model.draw(50, torch.Generator().manual_seed(0)))
    assert torch.equal(out.clean, out.corrupted)
    assert set(out.clean.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(model.loss(out)[1]["distance"], model.distance(out.output, out.clean).mean())
    assert torch.equal(model(grey[:50]).clean, grey[:50])
